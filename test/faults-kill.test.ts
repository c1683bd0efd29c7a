// Servers are killed with SIGKILL at any point of a refresh, a thousand times over: every client goes on with the cookie that it has.
import t from 'tap'
import { startFarm } from './fixtures/fault-farm.ts'
import type { HaltPoint } from './fixtures/fault-points.ts'
import { freshStores } from './fixtures/fault-stores.ts'

// a server starts anew for each kill, which takes a second or more where other tests run beside this one
t.setTimeout(600_000)

const CLIENTS = 128
const KILLS = 8
const POINTS: HaltPoint[] = ['before the store call', 'after the store call', 'before the answer', 'after the answer']

for (const [name, fresh] of Object.entries(freshStores)) {
  t.test(name, async (t) => {
    const farm = await startFarm(t, await fresh(t), { options: { storeTimeout: '1m' } })
    const clients = await farm.logins(CLIENTS)
    const restarts = farm.servers.map(() => Promise.resolve())
    let recovered = 0

    for (let kill = 0; kill < KILLS; kill++) {
      const index = kill % farm.servers.length
      const victim = farm.servers[index]!
      const other = farm.servers[(kill + 1) % farm.servers.length]!
      await Promise.all(restarts)
      // access tokens have expired, so everybody refreshes
      await farm.pass(16 * 60_000)

      const halted = victim.halts(CLIENTS)
      // each round a client meets the next point; where the answer has left, it gets lost every other time
      const refreshes = clients.map((client, number) => {
        const phase = (number + kill) % 8
        return client.refresh(victim.origin, { halt: POINTS[phase % 4]!, loses: phase === 7 })
      })
      await halted
      t.same(await victim.end('SIGKILL'), [null, 'SIGKILL'])
      const answers = await Promise.all(refreshes)
      t.equal(answers.filter((answer) => answer !== undefined).length, CLIENTS / 8, 'only what had left before has arrived')
      restarts[index] = victim.start()

      // half of them try again at once, the others when they need an access token the next time
      const retrying = clients.filter((_, number) => answers[number] === undefined && (number + kill) % 8 < 6)
      const retries = await Promise.all(retrying.map(async (client) => {
        const answer = await client.refresh(other.origin)
        return answer?.status === 200 && (await client.me(other.origin))?.status === 200
      }))
      t.ok(retries.every(Boolean), 'who tries again at once gets an access token')
      recovered += retries.length
    }

    await Promise.all(restarts)
    await farm.countLost(clients)
    t.ok(recovered > CLIENTS * KILLS / 2)
    farm.tally.report(t, `kill -9 under ${CLIENTS * KILLS} refreshes, ${name}`)
  })
}
