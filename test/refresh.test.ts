// POST /auth/refresh: rotation, stragglers, reuse, lifetimes and what each is answered.
import { decodeJwt } from 'jose'
import t from 'tap'
import { MemoryStore } from '../lib/stores/memory.ts'
import type { Session } from '../lib/stores/store.ts'
import { ada, buildApp, days, minutes, seconds, userVerifier } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

const COOKIE = '__Host-Http-refresh_token'
const sid = (browser: Browser) => decodeJwt(browser.accessToken as string)['sid']

t.test('the story: 401 when the access token has expired, refresh, the repeated request goes through', async (t) => {
  const { app, clock, events } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal((await browser.me()).statusCode, 200)
  clock.advance(minutes(15))
  const expired = await browser.me()
  t.equal(expired.statusCode, 401)
  t.equal(expired.json().code, 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN')

  const first = browser.cookies.get(COOKIE)
  const session = sid(browser)
  const response = await browser.refresh()
  t.equal(response.statusCode, 200)
  t.match(response.json(), { accessToken: String, tokenType: 'Bearer', expiresIn: 900 })
  t.equal(response.headers['cache-control'], 'no-store')
  t.not(browser.cookies.get(COOKIE), first, 'the refresh token rotates')
  t.equal(sid(browser), session, 'the session stays')
  t.equal(decodeJwt(browser.cookies.get(COOKIE) as string)['gen'], 2)
  t.equal((await browser.me()).statusCode, 200)
  t.match(events, [{ type: 'login' }, { type: 'refresh', userId: 'u-ada', sessionId: session, generation: 1, rotated: true }])
})

t.test('no cookie, an empty one and one that is not ours', async (t) => {
  const { app, events } = await buildApp(t)
  const browser = new Browser(app)
  const missing = await browser.refresh()
  t.equal(missing.statusCode, 401)
  t.equal(missing.json().code, 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN')
  t.equal(missing.headers['set-cookie'], undefined)

  for (const value of ['', 'garbage', '"quoted"', 'a.b.c', 'x'.repeat(5000)]) {
    browser.cookies.set(COOKIE, value)
    const response = await browser.refresh()
    t.equal(response.statusCode, 401)
    t.equal(response.json().code, 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN')
    t.equal(response.headers['set-cookie'], `${COOKIE}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict`, 'cleared with the attributes it was set with')
    t.match(events.at(-1), { type: 'refresh-rejected', reason: 'forged' })
  }
})

t.test('an access token is no refresh token', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  browser.cookies.set(COOKIE, browser.accessToken as string)
  t.equal((await browser.refresh()).json().code, 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN')
})

t.test('a lost answer costs nothing: the same token is accepted again, however late', async (t) => {
  const { app, clock } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  for (const pause of [0, minutes(2), days(6)]) {
    clock.advance(pause)
    const lost = browser.copy()
    t.equal((await lost.refresh()).statusCode, 200, 'the answer that is lost')
    t.match(lost.cookies.get(COOKIE), /./)
  }
  clock.advance(minutes(2))
  t.match((await browser.refresh()).headers['set-cookie'], /Max-Age=604800/)
  clock.advance(days(6))
  t.equal((await browser.refresh()).statusCode, 200, 'the retry began an idle timeout of its own')
})

t.test('tabs that race get a successor each, and whichever ends up in the cookie is good', async (t) => {
  for (const last of [0, 4, 9]) {
    const { app, clock } = await buildApp(t)
    const browser = new Browser(app)
    await browser.login(ada)
    const tabs = Array.from({ length: 10 }, () => browser.copy())
    const responses = await Promise.all(tabs.map((tab) => tab.refresh()))
    t.same(responses.map(({ statusCode }) => statusCode), tabs.map(() => 200))
    t.equal(new Set(tabs.map(({ cookies }) => cookies.get(COOKIE))).size, 10)
    for (const response of [...responses, responses[last] as typeof responses[number]]) browser.receive(response)
    for (let i = 0; i < 3; i++) {
      clock.advance(minutes(15))
      t.equal((await browser.refresh()).statusCode, 200)
    }
  }
})

t.test('a successor rotates only when all answers are home: before, it is answered an access token and no cookie', async (t) => {
  const { app, clock, events } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  t.match((await browser.refresh()).headers['set-cookie'], /refresh_token/, 'the token of a login has no rivals')
  for (const pause of [0, seconds(1), seconds(60), minutes(2) - seconds(1)]) {
    clock.advance(pause)
    const response = await browser.refresh()
    t.equal(response.statusCode, 200)
    t.equal(response.headers['set-cookie'], undefined)
    t.match(events.at(-1), { type: 'refresh', rotated: false })
    t.equal((await browser.me()).statusCode, 200)
  }
  clock.advance(1)
  t.match((await browser.refresh()).headers['set-cookie'], /refresh_token/, 'three leeways and a millisecond')
})

t.test('an answer that arrives after its rival was used harms nobody', async (t) => {
  const { app, clock } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const [a, b] = [browser.copy(), browser.copy()]
  const [first, second] = [await a.refresh(), await b.refresh()]
  browser.receive(first)
  browser.receive(await browser.copy().refresh())
  browser.receive(second)
  for (let i = 0; i < 3; i++) {
    clock.advance(minutes(15))
    t.match((await browser.refresh()).headers['set-cookie'], /refresh_token/)
  }
})

t.test('a straggler is answered like the first, however many refreshes went by meanwhile', async (t) => {
  const { app, clock } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const straggler = browser.copy()
  for (let i = 0; i < 5; i++) {
    clock.advance(seconds(20))
    await browser.refresh()
  }
  t.equal((await straggler.refresh()).statusCode, 200)
  clock.advance(minutes(15))
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('an old token that comes back after its successor has rotated is reuse: both are out', async (t) => {
  for (const [name, rotations, pause] of [['at once', 1, 0], ['later', 1, minutes(5)], ['much later', 3, days(1)]] as const) {
    const { app, clock, events, logs } = await buildApp(t)
    const browser = new Browser(app)
    await browser.login(ada)
    const thief = browser.copy()
    // the first presents the very token that the thief has
    for (let i = 0; i <= rotations; i++) {
      clock.advance(minutes(15))
      await browser.refresh()
    }
    clock.advance(pause)
    const response = await thief.refresh()
    t.equal(response.statusCode, 401, name)
    t.equal(response.json().code, 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN')
    t.match(response.headers['set-cookie'], /Max-Age=0/)
    t.match(events.slice(-2), [
      { type: 'reuse-detected', userId: 'u-ada', sessionId: sid(browser), generationDistance: rotations, msSinceRotation: pause },
      { type: 'refresh-rejected', reason: 'reused' }
    ])
    t.equal(logs.filter(({ level, event }) => level === 40 && event).length, 1, 'one warning')
    const victim = await browser.refresh()
    t.equal(victim.statusCode, 401)
    t.same(victim.body, response.body, 'one answer for every reason')
    t.match(events.at(-1), { type: 'refresh-rejected', reason: 'gone' })
  }
})

t.test('a thief who was quicker is found out by the victim', async (t) => {
  const { app, clock, events } = await buildApp(t)
  const victim = new Browser(app)
  await victim.login(ada)
  const thief = victim.copy()
  await thief.refresh()
  await victim.refresh()
  clock.advance(minutes(15))
  t.equal((await thief.refresh()).statusCode, 200, 'his was the first to rotate')
  t.equal((await victim.refresh()).statusCode, 401)
  t.match(events.at(-1), { type: 'refresh-rejected', reason: 'reused' })
  clock.advance(minutes(15))
  t.equal((await thief.refresh()).statusCode, 401, 'and so he is out')
})

t.test('idle and absolute timeouts', async (t) => {
  const { app, clock, events } = await buildApp(t)
  const idle = new Browser(app)
  await idle.login(ada)
  clock.advance(days(7) - 1)
  t.equal((await idle.copy().refresh()).statusCode, 200, 'until the last millisecond')
  const { app: other, clock: otherClock } = await buildApp(t)
  const late = new Browser(other)
  await late.login(ada)
  otherClock.advance(days(7))
  t.equal((await late.refresh()).statusCode, 401)

  const busy = new Browser(app)
  await busy.login(ada)
  for (let day = 0; day < 29; day += 5) {
    clock.advance(days(5))
    t.equal((await busy.refresh()).statusCode, day < 25 ? 200 : 401, `day ${day + 5}`)
  }
  t.match(events.at(-1), { type: 'refresh-rejected', reason: 'expired' })
})

t.test('the cookie, its token and the access token end with the session', async (t) => {
  const { app, clock } = await buildApp(t, { refreshToken: { expiresIn: '1h', idleTimeout: '1h' } })
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(minutes(55))
  const response = await browser.refresh()
  t.equal(response.json().expiresIn, 300)
  t.match(response.headers['set-cookie'], /Max-Age=300;/)
  t.equal(decodeJwt(browser.cookies.get(COOKIE) as string).exp, clock.time / 1000 + 300)
})

t.test('the user is asked about again, and one who is gone is out', async (t) => {
  let found: unknown = { id: 'u-ada' }
  const { app, events } = await buildApp(t, {
    userVerifier: {
      ...userVerifier,
      findById () {
        if (found instanceof Error) throw found
        return found as { id: string }
      }
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal((await browser.refresh()).statusCode, 200)

  found = new Error('the database is down')
  const failed = await browser.refresh()
  t.equal(failed.statusCode, 503)
  t.equal(failed.json().code, 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED')
  t.equal(failed.headers['set-cookie'], undefined)

  found = { id: 'u-ada' }
  t.equal((await browser.refresh()).statusCode, 200, 'nothing was lost')

  for (found of [undefined, 'u-ada', {}, { id: 1 }, { id: '' }, { id: 'u-grace' }]) {
    const mistaken = await browser.refresh()
    t.match(mistaken.json(), { statusCode: 500, code: 'FST_TOKEN_AUTH_INVALID_USER' }, JSON.stringify(found))
    t.equal(mistaken.headers['set-cookie'], undefined)
  }
  found = { id: 'u-ada' }
  t.equal((await browser.refresh()).statusCode, 200, 'still nothing')

  found = null
  const before = browser.copy()
  const gone = await browser.refresh()
  t.equal(gone.statusCode, 401)
  t.match(events.at(-1), { type: 'refresh-rejected', reason: 'user-gone', userId: 'u-ada' })
  found = { id: 'u-ada' }
  t.equal((await before.refresh()).statusCode, 401, 'the session is deleted')
})

t.test('authenticatedAt is never moved by a refresh', async (t) => {
  const { app, clock } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const { auth_time: before } = decodeJwt(browser.accessToken as string)
  clock.advance(days(1))
  await browser.refresh()
  t.equal(decodeJwt(browser.accessToken as string)['auth_time'], before)
})

t.test('two cookies of our name: exactly one must be ours', async (t) => {
  const { app } = await buildApp(t)
  const one = new Browser(app)
  const two = new Browser(app)
  await one.login(ada)
  await two.login(ada)
  const good = one.cookies.get(COOKIE) as string
  const refresh = async (cookie: string) => (await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })).statusCode
  t.equal(await refresh(`${COOKIE}=planted; ${COOKIE}=${good}`), 200)
  t.equal(await refresh(`${COOKIE}=${good}; ${COOKIE}=planted`), 200)
  t.equal(await refresh(`a=b;${COOKIE}=${good};${COOKIE}=${good}`), 200, 'the same twice')
  t.equal(await refresh(`${COOKIE}=${good}; ${COOKIE}=${two.cookies.get(COOKIE)}`), 401)
  t.equal(await refresh(`${COOKIE.toUpperCase()}=${good}`), 401, 'names are case-sensitive')
  t.equal(await refresh(`x${COOKIE}=${good}`), 401)
  t.equal(await refresh(`${COOKIE} =${good}`), 401)
})

for (const transport of ['cookie', 'both'] as const) {
  t.test(`the body is empty or JSON, and looked at only where a token may be in it; transport: ${transport}`, async (t) => {
    const { app } = await buildApp(t, { refreshToken: { transport } })
    const browser = new Browser(app)
    await browser.login(ada)
    const notLookedAt = transport === 'cookie' ? 200 : 400
    for (const [payload, type, status] of [
      ['', 'application/json', 200], ['{}', 'application/json', 200], ['null', 'application/json', 200],
      ['[]', 'application/json', notLookedAt], ['"x"', 'application/json', notLookedAt], ['{', 'application/json', 400],
      ['x', 'text/plain', 415], ['a=b', 'application/x-www-form-urlencoded', 415]
    ] as const) {
      t.equal((await browser.request('POST', '/auth/refresh', { payload, headers: { 'content-type': type } })).statusCode, status, `${type} ${payload}`)
    }
  })
}

t.test('a store that lost writes believes the client, and says so', async (t) => {
  const store = new MemoryStore({ clock: () => 0 })
  const { app, clock, events } = await buildApp(t, { refreshTokenStore: store })
  const browser = new Browser(app)
  await browser.login(ada)
  const session = await store.find(sid(browser) as string)
  for (let i = 0; i < 4; i++) {
    clock.advance(minutes(15))
    await browser.refresh()
  }
  await store.delete(sid(browser) as string)
  await store.create(session as NonNullable<typeof session>)
  clock.advance(minutes(15))
  t.equal((await browser.refresh()).statusCode, 200)
  t.match(events.filter(({ type }) => type === 'store-rollback'), [{ type: 'store-rollback', userId: 'u-ada', lostGenerations: 4 }])
  t.equal((await browser.refresh()).statusCode, 200)
  t.equal(events.filter(({ type }) => type === 'store-rollback').length, 1, 'once')
})

t.test('a store that does not keep the previous generation just cannot tell of lost writes', async (t) => {
  class ForgetfulStore extends MemoryStore {
    override async advance (...args: Parameters<MemoryStore['advance']>) {
      const session = await super.advance(...args) as Session
      delete session.previousGeneration
      return session
    }
  }
  const { app, clock, events } = await buildApp(t, { refreshTokenStore: new ForgetfulStore({ clock: () => 0 }) })
  const browser = new Browser(app)
  await browser.login(ada)
  for (let i = 0; i < 3; i++) {
    clock.advance(minutes(15))
    t.match((await browser.refresh()).headers['set-cookie'], /refresh_token/)
  }
  t.notOk(events.some(({ type }) => type === 'store-rollback'))
})

t.test('strict can be switched off again', async (t) => {
  const store = new MemoryStore({ clock: () => 0 })
  const strict = await buildApp(t, { refreshTokenStore: store, refreshToken: { strict: true } })
  const loose = await buildApp(t, { refreshTokenStore: store })
  const browser = new Browser(strict.app)
  await browser.login(ada)
  await browser.refresh()
  const after = browser.copy(loose.app)
  t.match((await after.refresh()).headers['set-cookie'], /refresh_token/)
  loose.clock.advance(minutes(15))
  t.match((await after.refresh()).headers['set-cookie'], /refresh_token/)
})

t.test('strict: a token is spent once its successor is issued, and a retry within the leeway gets the same one', async (t) => {
  const { app, clock, events } = await buildApp(t, { refreshToken: { strict: true } })
  const browser = new Browser(app)
  await browser.login(ada)
  const lost = browser.copy()
  await browser.refresh()
  await lost.refresh()
  t.equal(lost.cookies.get(COOKIE), browser.cookies.get(COOKIE), 'the same successor')
  t.equal((await browser.refresh()).statusCode, 200)
  t.equal((await lost.copy().refresh()).statusCode, 200)
  clock.advance(seconds(61))
  t.equal((await lost.refresh()).statusCode, 401)
  t.match(events.at(-1), { type: 'refresh-rejected', reason: 'reused' })
  t.equal((await browser.refresh()).statusCode, 401)
  t.notOk(events.some(({ type }) => type === 'store-rollback'))
})
