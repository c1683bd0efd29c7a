// Servers whose clocks are thirty seconds apart raise no false alarm, whoever answers which tab and whatever gets lost.
import t from 'tap'
import type { FaultClient } from './fixtures/fault-client.ts'
import { startFarm } from './fixtures/fault-farm.ts'
import { freshStores } from './fixtures/fault-stores.ts'

const CLIENTS = 20
/** From one refresh to the next, in seconds: around one leeway and three of them, give or take the clocks, and much later. */
const PAUSES = [1, 29, 31, 59, 61, 89, 91, 149, 151, 179, 181, 209, 211, 960]

for (const [name, fresh] of Object.entries(freshStores)) {
  t.test(name, async (t) => {
    const farm = await startFarm(t, await fresh(t), { servers: 2, skews: [-15_000, 15_000] })
    const [behind, ahead] = farm.servers.map(({ origin }) => origin) as [string, string]
    const clients = await farm.logins(CLIENTS)

    for (const [round, pause] of [...PAUSES, ...PAUSES.toReversed()].entries()) {
      await farm.pass(pause * 1000)
      const fine = await Promise.all(clients.map(async (client, number) => {
        const [here, there] = (number + round) % 2 === 0 ? [behind, ahead] : [ahead, behind]
        return await refreshInTwoTabs(client, here, there, (number + round) % 5 === 0)
      }))
      t.ok(fine.every(Boolean), `after ${pause} s each tab has an access token that both servers take`)
    }

    await farm.countLost(clients)
    t.equal(farm.tally.eventsOf('store-rollback'), 0)
    farm.tally.report(t, `clocks 30 s apart, ${name}`)
  })
}

/**
 * Two tabs refresh at once, each at another server; the cookie of whichever brings one is that of both. Between the two
 * answers a third tab refreshes, with the cookie of the first, which that of the second is about to replace.
 */
async function refreshInTwoTabs (client: FaultClient, here: string, there: string, isLost: boolean): Promise<boolean> {
  const tabs = [client.copy(), client.copy()] as const
  const before = client.cookie
  const answers = await Promise.all([tabs[0].refresh(here, { loses: isLost }), tabs[1].refresh(there, { loses: isLost })])
  if (isLost) return true
  const third = tabs[0].copy()
  answers.push(await third.refresh(there))
  for (const tab of [tabs[0], third, tabs[1]]) if (tab.cookie !== before) client.cookie = tab.cookie
  client.accessToken = tabs[0].accessToken
  const guarded = await Promise.all([tabs[0].me(there), tabs[1].me(here)])
  return [...answers, ...guarded].every((answer) => answer?.status === 200)
}
