// Tokens seen before: remembered within a bound, and answered at every instant as if they were not.
import t from 'tap'
import { SeenTokens } from '../lib/seen-tokens.ts'
import { ada, buildApp, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

/** Texts that end like signatures. */
const tokens = (count: number, name = 't') => Array.from({ length: count }, (_, i) => `${name}${(i * 2654435761 >>> 0).toString(36).padStart(10, '0')}${i}`)

t.test('the first, second and third sight of a token are answered alike, whatever the time', async (t) => {
  const times = [0, minutes(1), minutes(15) - 1, minutes(15), minutes(30), 0, -minutes(1), -minutes(1) - 1, minutes(2)]
  const { app, clock } = await buildApp(t)
  const start = clock.time
  const fresh = async (time: number, token: string) => {
    const other = await buildApp(t)
    other.clock.time = start + time
    return await other.app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
  }
  const browser = new Browser(app)
  await browser.login(ada)
  for (const time of times) {
    clock.time = start + time
    for (const sight of [1, 2, 3]) {
      const [seen, unseen] = [await browser.me(), await fresh(time, browser.accessToken as string)]
      t.equal(seen.statusCode, unseen.statusCode, `${time} ms, sight ${sight}`)
      t.equal(seen.body, unseen.body)
    }
  }
})

t.test('what one request is handed, another cannot change', async (t) => {
  const { app } = await buildApp(t, { userVerifier: { verify: () => ({ id: '1' }), findById: () => ({ id: '1' }) }, accessToken: { claims: () => ({ roles: { list: ['member'] } }) } }, {
    after (app) {
      app.get('/evil', { onRequest: app.authenticate }, async ({ auth }) => {
        t.throws(() => { (auth.claims as unknown as { roles: { list: string[] } }).roles.list.push('admin') }, TypeError)
        return 'tried'
      })
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  for (let i = 0; i < 3; i++) {
    t.equal((await browser.request('GET', '/evil')).body, 'tried')
    t.same((await browser.me()).json().claims.roles, { list: ['member'] })
  }
})

t.test('a token enters at its second sight', async (t) => {
  const seen = new SeenTokens<number>()
  const [token] = tokens(1) as [string]
  seen.add(token, 1)
  t.equal(seen.get(token), undefined)
  seen.add(token, 1)
  t.equal(seen.get(token), 1)
})

t.test('never more than twenty thousand, and those that are met again stay', async (t) => {
  const seen = new SeenTokens<string>()
  const all = tokens(50_000)
  const [favourite] = all as [string]
  for (const token of all) {
    seen.add(token, token)
    seen.add(token, token)
    seen.get(favourite)
  }
  const kept = all.filter((token) => seen.get(token) !== undefined)
  t.equal(seen.get(favourite), favourite)
  t.ok(kept.length > 10_000 && kept.length <= 20_000, `${kept.length} are kept`)
})

t.test('the twenty thousand and first is one too many', async (t) => {
  for (const [count, isKept] of [[20_000, true], [20_001, false]] as const) {
    const seen = new SeenTokens<string>()
    const all = tokens(count)
    for (const token of all) {
      seen.add(token, token)
      seen.add(token, token)
    }
    t.equal(seen.get(all[0] as string) !== undefined, isKept, `the first of ${count}`)
  }
})

t.test('a flood of tokens that never come back pushes nobody out', async (t) => {
  const seen = new SeenTokens<string>()
  const people = tokens(1000, 'person')
  for (const token of people) {
    seen.add(token, token)
    seen.add(token, token)
  }
  for (const token of tokens(100_000, 'flood')) seen.add(token, token)
  const kept = people.filter((token) => seen.get(token) !== undefined)
  t.equal(kept.length, people.length)
})

t.test('a token that only ends like one seen before is another', async (t) => {
  const seen = new SeenTokens<string>()
  const [good, forged] = ['good', 'forged'].map((name) => `${name}.${'signature'.repeat(5)}`) as [string, string]
  for (let sight = 0; sight < 2; sight++) seen.add(good, 'good')
  t.equal(seen.get(forged), undefined)
  t.equal(seen.get(good), 'good')
  // into the older generation
  for (const other of tokens(10_000)) for (let sight = 0; sight < 2; sight++) seen.add(other, 'other')
  t.equal(seen.get(forged), undefined)
  t.equal(seen.get(good), 'good')
})
