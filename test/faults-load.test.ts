// Ten thousand parallel refreshes of one token over three processes are all answered and revoke nothing; ten thousand sessions side by side do not get in each other's way.
import t from 'tap'
import type { FaultClient } from './fixtures/fault-client.ts'
import { startFarm } from './fixtures/fault-farm.ts'
import { freshStores } from './fixtures/fault-stores.ts'
import { Tally } from './fixtures/fault-tally.ts'

t.setTimeout(600_000)

const MANY = 10_000

for (const [name, fresh] of Object.entries(freshStores)) {
  t.test(name, async (t) => {
    const farm = await startFarm(t, await fresh(t), { options: { storeTimeout: '1m' } })
    t.beforeEach(() => { farm.tally = new Tally() })

    t.test('one token', async (t) => {
      const [client] = await farm.logins(1) as [FaultClient]
      await farm.pass(16 * 60_000)

      const tabs = Array.from({ length: MANY }, () => client.copy())
      const answers = await Promise.all(tabs.map((tab) => tab.refresh(farm.next())))
      t.equal(answers.filter((answer) => answer?.status === 200 && typeof answer.body?.['accessToken'] === 'string').length, MANY, 'each has an access token')
      const winners = tabs.filter((_, index) => answers[index]?.headers['set-cookie'] !== undefined)
      t.ok(winners.length > 0, 'there is a successor')

      // the jar keeps one of them, whichever comes last
      await farm.countLost([winners.at(-1)!])
      farm.tally.report(t, `${MANY} parallel refreshes of one token, ${name}`)
    })

    t.test('many sessions', async (t) => {
      const clients = await farm.logins(MANY)
      const before = clients.map(({ accessToken }) => claims(accessToken))
      t.equal(new Set(before.map(({ sid }) => sid)).size, MANY, 'as many sessions as logins')
      await farm.pass(16 * 60_000)
      const answers = await Promise.all(clients.map((client) => client.refresh(farm.next())))
      farm.tally.lost += answers.filter((answer) => answer?.status !== 200 || answer.headers['set-cookie'] === undefined).length
      const after = clients.map(({ accessToken }) => claims(accessToken))
      t.equal(after.filter(({ sub, sid, iat }, index) => sub === clients[index]!.name && sid === before[index]!.sid && iat > before[index]!.iat).length, MANY, 'each goes on with its own')
      farm.tally.report(t, `${MANY} sessions side by side, ${name}`)
    })
  })
}

function claims (accessToken: string): { sub: string, sid: string, iat: number } {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}
