// POST /auth/login: what it answers, sets and refuses.
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { ada, buildApp, minutes, userVerifier } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

t.test('answers an access token in the body and a refresh token in an HttpOnly cookie', async (t) => {
  const { app, clock } = await buildApp(t)
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.equal(response.statusCode, 200)
  const body = response.json()
  t.match(body, { accessToken: String, tokenType: 'Bearer', expiresIn: 900 })
  t.same(Object.keys(body).sort(), ['accessToken', 'expiresIn', 'tokenType'])
  t.equal(response.headers['cache-control'], 'no-store')
  t.match(response.headers['set-cookie'], /^__Host-Http-refresh_token=[\w-]+\.[\w-]+\.[\w-]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Strict$/)

  const now = clock.time / 1000
  t.match(decodeProtectedHeader(body.accessToken), { alg: 'HS256', typ: 'at+jwt', kid: String })
  t.match(decodeJwt(body.accessToken), { sub: 'u-ada', sid: String, jti: String, iat: now, exp: now + 900, auth_time: now })
  const refreshToken = response.cookies[0]?.value as string
  t.match(decodeProtectedHeader(refreshToken), { alg: 'HS256', typ: 'rt+jwt' })
  t.match(decodeJwt(refreshToken), { sid: decodeJwt(body.accessToken)['sid'], gen: 1, jti: String, auth_time: now, iat: now, exp: now + 604_800 })
  t.match(decodeJwt(refreshToken)['jti'], /^[\w-]{22}$/, '128 bits')
  t.match(decodeJwt(refreshToken)['sid'], /^[\w-]{22}$/, '128 bits')
})

t.test('an unknown user and a wrong password get the very same answer', async (t) => {
  const { app, events } = await buildApp(t)
  const [unknown, wrong] = await Promise.all([{ username: 'eve', password: 'x' }, { ...ada, password: 'x' }]
    .map((payload) => app.inject({ method: 'POST', url: '/auth/login', payload })))
  t.equal(unknown?.statusCode, 401)
  t.equal(unknown?.json().code, 'FST_TOKEN_AUTH_INVALID_CREDENTIALS')
  t.equal(unknown?.body, wrong?.body)
  t.same({ ...unknown?.headers, date: '' }, { ...wrong?.headers, date: '' })
  t.equal(unknown?.headers['set-cookie'], undefined)
  t.equal(unknown?.headers['www-authenticate'], undefined, 'a client must not take it for an expired access token')
  t.same(events, [{ type: 'login-failed' }, { type: 'login-failed' }])
})

t.test('a body that is not as it should be is refused before the verifier runs', async (t) => {
  let calls = 0
  const { app } = await buildApp(t, { userVerifier: { verify () { calls++; return null } } })
  const bodies: Array<[name: string, payload: string | object | undefined, status: number, contentType?: string]> = [
    ['none', undefined, 400],
    ['empty', '', 400],
    ['null', 'null', 400],
    ['an array', '[]', 400],
    ['a number', '1', 400],
    ['broken JSON', '{"username"', 400],
    ['no password', { username: 'ada' }, 400],
    ['an empty password', { username: 'ada', password: '' }, 400],
    ['a password of 1025 characters', { username: 'ada', password: 'x'.repeat(1025) }, 400],
    ['a user name of 255 characters', { username: 'x'.repeat(255), password: 'x' }, 400],
    ['an object for a password', { username: 'ada', password: { $ne: '' } }, 400],
    ['prototype poisoning', '{"username":"ada","password":"x","__proto__":{"admin":true}}', 400],
    ['constructor poisoning', '{"username":"ada","password":"x","constructor":{"prototype":{}}}', 400],
    ['a form', 'username=ada&password=lovelace', 415, 'application/x-www-form-urlencoded'],
    ['text', JSON.stringify(ada), 415, 'text/plain'],
    ['an odd type', JSON.stringify(ada), 415, 'application/jsonp'],
    ['a broken type', JSON.stringify(ada), 415, 'json'],
    ['no type', JSON.stringify(ada), 415, ''],
    ['two MiB', JSON.stringify({ ...ada, more: 'x'.repeat(2 ** 21) }), 413]
  ]
  for (const [name, payload, status, type = 'application/json'] of bodies) {
    const response = await app.inject({ method: 'POST', url: '/auth/login', headers: { 'content-type': type }, ...(payload !== undefined && { payload }) })
    t.equal(response.statusCode, status, name)
    t.match(response.json(), { statusCode: status, code: /^FST_/, error: String, message: String }, name)
    t.equal(response.headers['cache-control'], 'no-store', name)
  }
  t.equal(calls, 0)
})

t.test('only POST', async (t) => {
  const { app } = await buildApp(t)
  for (const url of ['/auth/login', '/auth/refresh', '/auth/logout']) {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'] as const) t.equal((await app.inject({ method, url })).statusCode, 404, `${method} ${url}`)
  }
})

t.test('a verifier that throws is a 503, whatever status its error has, and tells nothing', async (t) => {
  const { app, logs } = await buildApp(t, {
    userVerifier: { verify () { throw Object.assign(new Error('connect to 10.0.0.7 failed'), { statusCode: 401 }) } }
  })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.equal(response.statusCode, 503)
  t.equal(response.json().code, 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED')
  t.equal(response.headers['retry-after'], '1')
  t.notMatch(response.body, /10\.0\.0\.7/)
  t.match(logs.filter(({ level }) => level === 50), [{ err: { stack: /10\.0\.0\.7/ } }], 'the log knows the cause')
})

t.test('what the verifier returns must be a user', async (t) => {
  for (const user of [{}, { id: '' }, { id: 7 }, { id: null }, 'ada', true, undefined]) {
    const { app } = await buildApp(t, { userVerifier: { verify: () => user as { id: string } } })
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
    t.equal(response.statusCode, 500, JSON.stringify(user))
    t.equal(response.json().code, 'FST_TOKEN_AUTH_INVALID_USER')
    t.equal(response.headers['set-cookie'], undefined)
  }
})

t.test('always opens a new session, and ends the one whose cookie came along', async (t) => {
  const { app, events } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const before = browser.copy()
  await browser.login(ada)
  t.not(decodeJwt(before.accessToken as string)['sid'], decodeJwt(browser.accessToken as string)['sid'])
  t.match(events, [{ type: 'login' }, { type: 'session-revoked', sessionId: decodeJwt(before.accessToken as string)['sid'] }, { type: 'login' }])
  t.equal((await before.refresh()).statusCode, 401)
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('a foreign cookie of our name neither fixes the session nor ends one', async (t) => {
  const { app } = await buildApp(t)
  const victim = new Browser(app)
  victim.cookies.set('__Host-Http-refresh_token', 'planted')
  await victim.login(ada)
  t.not(victim.cookies.get('__Host-Http-refresh_token'), 'planted')
  t.equal((await victim.refresh()).statusCode, 200)
})

t.test('app.tokenAuth.login does the same for a user who has shown who they are in another way', async (t) => {
  const { app, clock, events } = await buildApp(t, {}, {
    after (app) {
      app.get('/callback', async (request, reply) => await app.tokenAuth.login(reply, { id: 'u-ada', name: 'Ada' }, { scope: ['read', 'write'], details: { via: 'oauth' } }))
      app.get('/bad-scope', async (request, reply) => await app.tokenAuth.login(reply, { id: 'u-ada' }, { scope: ['read write'] }))
    }
  })
  const browser = new Browser(app)
  const response = await browser.request('GET', '/callback')
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(decodeJwt(response.json().accessToken)['scope'], 'read write')
  t.match(events, [{ type: 'login', userId: 'u-ada', sessionId: String }])
  t.match(await app.tokenAuth.sessions('u-ada'), [{ scope: ['read', 'write'], details: { via: 'oauth' } }])
  clock.advance(minutes(20))
  t.equal(decodeJwt((await browser.refresh()).json().accessToken)['scope'], 'read write', 'a refresh keeps the scope')
  t.equal((await browser.request('GET', '/bad-scope')).json().code, 'FST_TOKEN_AUTH_INVALID_SCOPE')
})

t.test('app.tokenAuth.login for somebody who showed who they are earlier', async (t) => {
  let authenticatedAt = new Date(0)
  const { app, clock } = await buildApp(t, {}, { after (app) { app.post('/callback', async (request, reply) => await app.tokenAuth.login(reply, { id: 'u-ada' }, { authenticatedAt })) } })
  const browser = new Browser(app)
  const login = async (time: number) => {
    authenticatedAt = new Date(time)
    await browser.request('POST', '/callback')
    return app.tokenAuth.verifyAccessToken(browser.accessToken as string).authenticatedAt.getTime()
  }
  t.equal(await login(clock.time - minutes(10)), clock.time - minutes(10))
  await browser.refresh()
  t.equal(app.tokenAuth.verifyAccessToken(browser.accessToken as string).authenticatedAt.getTime(), clock.time - minutes(10))
  t.equal(await login(clock.time + minutes(1)), clock.time, 'a clock that is ahead')
  authenticatedAt = new Date(NaN)
  t.match((await browser.request('POST', '/callback')).json(), { statusCode: 500, code: 'FST_TOKEN_AUTH_INVALID_OPTION' })
})

t.test('describes the session by user agent and ip, unless told otherwise', async (t) => {
  const { app } = await buildApp(t)
  await app.inject({ method: 'POST', url: '/auth/login', payload: ada, headers: { 'user-agent': 'x'.repeat(5000) } })
  await app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'grace', password: 'hopper' }, headers: { 'user-agent': '' } })
  t.same((await app.tokenAuth.sessions('u-ada'))[0]?.details, { userAgent: 'x'.repeat(512), ip: '127.0.0.1' })
  const own = await buildApp(t, { userVerifier, describeSession: () => ({ device: 'phone' }) })
  await own.app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.same((await own.app.tokenAuth.sessions('u-ada'))[0]?.details, { device: 'phone' })
})

t.test('an error that nobody foresaw is a 500 that tells nothing', async (t) => {
  const { app } = await buildApp(t, { describeSession () { throw new Error('the secret of the house') } })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.same(response.json(), { statusCode: 500, code: 'FST_TOKEN_AUTH_UNEXPECTED', error: 'Internal Server Error', message: 'Something went wrong' })
  t.equal(response.headers['cache-control'], 'no-store')
})
