// Random histories of refreshes through the plugin: nobody is logged out without a theft, every theft is found, and what has ended stays ended.
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MemoryStore } from '../lib/stores/memory.ts'
import { SqliteStore } from '../lib/stores/sqlite.ts'
import type { RefreshTokenStore } from '../lib/stores/store.ts'
import { minutes, seconds } from './fixtures/app.ts'
import type { Browser } from './fixtures/browser.ts'
import { Client, play, Server, type Step, type Trip } from './fixtures/rotation/network.ts'
import { openSqlite, sqliteFile } from './fixtures/sqlite.ts'

const LEEWAY = seconds(60)
/** The victim counts as silent before it. */
const ROUND = 4 * LEEWAY + 1
const RUNS = { numRuns: 100 }

/** The extremes more often than the rest: most races need them. */
const part = fc.oneof(fc.nat(LEEWAY), fc.constantFrom(0, LEEWAY))
const way = fc.tuple(part, part).map(([a, b]) => ({ taken: Math.min(a, b), arrives: Math.max(a, b) }))
const pause = fc.oneof({ weight: 4, arbitrary: fc.nat(LEEWAY) }, fc.nat(4 * LEEWAY), fc.integer({ min: 3 * LEEWAY, max: 3 * LEEWAY + 10 }), fc.constant(minutes(15)))
const fate = fc.constantFrom<Trip['fate']>('arrives', 'arrives', 'arrives', 'arrives', 'its request is lost', 'its answer is lost')
const restart = fc.nat(19).map((n) => n === 19)
const trips = fc.array(fc.tuple(way, fc.record({ pause, fate, restart })).map(([way, rest]): Trip => ({ ...way, ...rest })), { maxLength: 10 })

/** The race for which the hold is three leeways and not two: a token that was overwritten meanwhile is taken as late as can be, and its answer is lost. */
const closeRace: Trip[] = [
  { pause: 0, taken: 0, arrives: seconds(45), fate: 'arrives', restart: false },
  { pause: seconds(40), taken: 0, arrives: LEEWAY, fate: 'arrives', restart: false },
  { pause: seconds(50), taken: LEEWAY, arrives: LEEWAY, fate: 'its answer is lost', restart: false }
]

/** A moment in a history. */
const moment = fc.nat(minutes(30))

const stores: Record<string, (t: Test) => (clock: () => number) => RefreshTokenStore> = {
  MemoryStore: () => (clock) => new MemoryStore({ clock }),
  SqliteStore: (t) => {
    const database = openSqlite(sqliteFile(t))
    t.teardown(() => database.close())
    return (clock) => new SqliteStore({ database, clock })
  }
}

function assertAll (statuses: number[], expected: number, what: string): void {
  if (statuses.some((status) => status !== expected)) throw new Error(`${what}: ${statuses.join(' ')}`)
}

for (const [name, prepare] of Object.entries(stores)) {
  t.test(`${name}: without a theft no refresh is refused, and the next one rotates`, async (t) => {
    const server = new Server(t, prepare(t))
    await server.restart()
    await fc.assert(fc.asyncProperty(trips, async (trips) => {
      const client = new Client(server)
      await client.login()
      await play(server, client.steps(trips))
      assertAll(client.statuses, 200, 'on the way')
      for (let i = 0; i < 2; i++) {
        server.clock.advance(3 * LEEWAY + 1)
        const { statusCode, headers } = await client.jar.copy(server.app).refresh()
        if (statusCode !== 200 || headers['set-cookie'] === undefined) throw new Error(`in the end: ${statusCode} ${headers['set-cookie']}`)
      }
    }), { ...RUNS, examples: [[closeRace]] })
    t.notOk(server.events.some(({ type }) => type === 'reuse-detected'), 'no reuse')
    t.ok(server.events.some((event) => event.type === 'refresh' && !event.rotated), 'some came while their token was held')
  })

  t.test(`${name}: after a log-out or a revocation nothing works`, async (t) => {
    const server = new Server(t, prepare(t))
    await server.restart()
    await fc.assert(fc.asyncProperty(trips, moment, fc.boolean(), async (trips, at, isLogout) => {
      const client = new Client(server)
      await client.login()
      let before = Infinity
      const end = async () => {
        before = client.statuses.length
        const browser = client.jar.copy(server.app)
        if (isLogout) await browser.logout()
        else await browser.request('DELETE', '/auth/sessions')
      }
      await play(server, [...client.steps(trips.map((trip) => ({ ...trip, pause: trip.pause % minutes(4) }))), { at: at % minutes(10), run: end }])
      assertAll(client.statuses.slice(0, before), 200, 'before')
      assertAll(client.statuses.slice(before), 401, 'after')
      for (const browser of client.seen) await assertOut(browser, server)
    }), RUNS)
    t.ok(server.events.some((event) => event.type === 'refresh-rejected' && event.reason === 'gone'), 'refreshes came that were too late')
  })

  t.test(`${name}: a theft is found in the third round of the victim, and then nothing of either works`, async (t) => {
    const server = new Server(t, prepare(t))
    await server.restart()
    const acts = fc.array(fc.record({ at: fc.nat(3 * ROUND), which: fc.nat(20) }), { maxLength: 12 })
    const round = way.map((way): Trip => ({ ...way, pause: ROUND, fate: 'arrives', restart: false }))
    const foundBy = { victim: 0, thief: 0 }
    await fc.assert(fc.asyncProperty(trips, moment, acts, fc.tuple(round, round, round), async (trips, at, acts, rounds) => {
      const client = new Client(server)
      await client.login()
      server.events.length = 0
      const loot: Browser[] = []
      const steal = () => { loot.push(...[client.jar, ...client.underWay].map((browser) => browser.copy())) }
      const present = async (which: number) => {
        const own = (loot[which % loot.length] as Browser).copy(server.app)
        const { statusCode } = await own.refresh()
        if (statusCode === 200) loot.push(own)
        return statusCode
      }
      await play(server, [...client.steps(trips).filter(({ at: due }) => due <= at), { at, run: steal }])
      const theft: Step[] = acts.map(({ at, which }) => ({ at, run: () => present(which) }))
      await play(server, [...client.steps(rounds), ...theft])
      for (let which = loot.length - 1; which >= 0; which--) assertAll([await present(which)], 401, 'the thief, in the end')
      if (!server.events.some(({ type }) => type === 'reuse-detected')) throw new Error('the theft was not found')
      for (const browser of [client.jar, ...client.seen, ...loot]) await assertOut(browser, server)
      foundBy[client.statuses.includes(401) ? 'victim' : 'thief']++
    }), RUNS)
    t.ok(foundBy.victim > 0 && foundBy.thief > 0, `the victim came second ${foundBy.victim} times, the thief ${foundBy.thief} times`)
  })
}

/** Neither its refresh token nor its access token opens anything. */
async function assertOut (browser: Browser, { app }: Server): Promise<void> {
  const copy = browser.copy(app)
  const live = await copy.request('GET', '/live')
  const refresh = await copy.refresh()
  assertAll([live.statusCode, refresh.statusCode], 401, 'of an ended session')
}
