// After SIGTERM the requests under way are finished, new ones are not begun, and the process ends by itself: no timer and no connection is left.
import t, { type Test } from 'tap'
import { hangUp } from './fixtures/fault-client.ts'
import { type FarmServer, startFarm } from './fixtures/fault-farm.ts'
import type { HaltPoint } from './fixtures/fault-points.ts'
import { freshStores, type StoreChoice } from './fixtures/fault-stores.ts'

const POINTS: HaltPoint[] = ['before the store call', 'after the store call', 'before the answer']
const stores: Record<string, (t: Test) => Promise<StoreChoice>> = { 'the default store': async () => ({ kind: 'memory' }), ...freshStores }

for (const [name, fresh] of Object.entries(stores)) {
  t.test(name, async (t) => {
    const farm = await startFarm(t, await fresh(t), { servers: 1, options: { storeTimeout: '1m' } })
    const [server] = farm.servers as [FarmServer]
    // the default store is the plugin's own, in which nothing comes to a stop
    const points = name === 'the default store' ? POINTS.slice(2) : POINTS
    const clients = await farm.logins(4 * points.length)
    const latecomer = clients[0]!.copy()
    await farm.pass(16 * 60_000)

    const halted = server.halts(clients.length)
    const refreshes = clients.map((client, number) => client.refresh(server.origin, { halt: points[number % points.length]! }))
    await halted
    const closing = server.closing()
    const end = server.end('SIGTERM')
    await closing
    const late = await latecomer.me(server.origin)
    t.ok(late === undefined || late.status === 503, 'a new request is not begun')

    await server.order({ release: true })
    const answers = await Promise.all(refreshes)
    t.same(answers.map((answer) => answer?.status), clients.map(() => 200), 'what was under way is finished')
    t.ok(answers.every((answer) => answer?.headers['set-cookie'] !== undefined))
    // Fastify waits for those who keep a connection that was busy when it began to close
    hangUp()
    t.same(await end, [0, null], 'the process has ended by itself')
    farm.tally.report(t, `SIGTERM, ${name}`)
  })
}
