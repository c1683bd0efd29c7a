// The session routes and what app.tokenAuth offers beside them: see one's devices, log them out.
import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, buildApp, days, grace, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

const sid = (browser: Browser) => decodeJwt(browser.accessToken as string)['sid'] as string

t.test('lists the sessions of this user, the one used last first', async (t) => {
  const { app, clock } = await buildApp(t)
  const [phone, laptop, other] = [new Browser(app), new Browser(app), new Browser(app)]
  await phone.request('POST', '/auth/login', { payload: ada, headers: { 'user-agent': 'phone' } })
  const start = clock.time
  clock.advance(minutes(1))
  await laptop.request('POST', '/auth/login', { payload: ada, headers: { 'user-agent': 'laptop' } })
  await other.login(grace)
  clock.advance(minutes(1))
  await phone.refresh()
  const response = await phone.request('GET', '/auth/sessions')
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  const iso = (time: number) => new Date(time).toISOString()
  t.same(response.json(), [
    { id: sid(phone), current: true, createdAt: iso(start), lastUsedAt: iso(start + minutes(2)), expiresAt: iso(start + minutes(2) + days(7)), details: { userAgent: 'phone', ip: '127.0.0.1' } },
    { id: sid(laptop), current: false, createdAt: iso(start + minutes(1)), lastUsedAt: iso(start + minutes(1)), expiresAt: iso(start + minutes(1) + days(7)), details: { userAgent: 'laptop', ip: '127.0.0.1' } }
  ])
})

t.test('logs one device out', async (t) => {
  const { app, events } = await buildApp(t)
  const [phone, laptop, other] = [new Browser(app), new Browser(app), new Browser(app)]
  await phone.login(ada)
  await laptop.login(ada)
  await other.login(grace)
  const response = await phone.request('DELETE', `/auth/sessions/${sid(laptop)}`)
  t.equal(response.statusCode, 204)
  t.match(events.at(-1), { type: 'session-revoked', count: 1, sessionId: sid(laptop) })
  t.equal((await laptop.refresh()).statusCode, 401)
  t.equal((await phone.refresh()).statusCode, 200)
  for (const id of [sid(laptop), sid(other), 'nonsense', '__proto__', '%00']) {
    const missing = await phone.request('DELETE', `/auth/sessions/${id}`)
    t.equal(missing.statusCode, 404, id)
    t.equal(missing.json().code, 'FST_TOKEN_AUTH_SESSION_NOT_FOUND')
  }
  t.equal((await other.refresh()).statusCode, 200, "another user's session stands")
})

t.test('logs all devices out, or all others', async (t) => {
  const { app, events } = await buildApp(t)
  const [phone, laptop, other] = [new Browser(app), new Browser(app), new Browser(app)]
  await phone.login(ada)
  await laptop.login(ada)
  await other.login(grace)
  t.equal((await phone.request('DELETE', '/auth/sessions?others=true')).statusCode, 204)
  t.match(events.at(-1), { type: 'session-revoked', count: 1, userId: 'u-ada' })
  t.equal((await laptop.refresh()).statusCode, 401)
  t.equal((await phone.refresh()).statusCode, 200)
  t.equal((await phone.request('DELETE', '/auth/sessions?others=maybe')).statusCode, 400)
  t.equal((await phone.request('DELETE', '/auth/sessions')).statusCode, 204)
  t.equal((await phone.refresh()).statusCode, 401)
  t.equal((await other.refresh()).statusCode, 200)
})

t.test('needs an access token', async (t) => {
  const { app } = await buildApp(t)
  for (const [method, url] of [['GET', '/auth/sessions'], ['DELETE', '/auth/sessions'], ['DELETE', '/auth/sessions/x']] as const) {
    const response = await app.inject({ method, url })
    t.equal(response.statusCode, 401)
    t.equal(response.headers['www-authenticate'], 'Bearer')
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('the app can do the same', async (t) => {
  const { app, events } = await buildApp(t)
  const [phone, laptop] = [new Browser(app), new Browser(app)]
  await phone.login(ada)
  await laptop.login(ada)
  t.same((await app.tokenAuth.sessions('u-ada')).map(({ id }) => id).sort(), [sid(phone), sid(laptop)].sort())
  t.same(await app.tokenAuth.sessions('nobody'), [])
  t.equal(await app.tokenAuth.revokeSession(sid(phone)), true)
  t.equal(await app.tokenAuth.revokeSession(sid(phone)), false)
  t.equal(await app.tokenAuth.revokeUser('u-ada', { except: sid(laptop) }), 0)
  t.equal(await app.tokenAuth.revokeUser('u-ada'), 1)
  t.equal(events.filter(({ type }) => type === 'session-revoked').length, 2)
})
