// The client logs in and out, finds a session that is there, and tells what it knows.
import t from 'tap'
import { AuthError, createAuthClient, type AuthEvent, type AuthState } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

t.test('knows nobody at first, and asks for nothing', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url })
  t.equal(auth.state, 'unknown')
  t.equal(auth.claims, null)
  t.equal(server.requests, 0)
})

t.test('log-in: state, claims and event follow; characters beyond ASCII survive', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient<{ name: string }>({ baseUrl: server.url, fetch: createJar() })
  const heard: [AuthState, AuthEvent][] = []
  auth.subscribe((...args) => heard.push(args))
  await auth.login({ username: 'ada', password: 'right' })
  t.equal(auth.state, 'signed-in')
  t.match(auth.claims, { sub: 'ada', name: 'ada Åström ✓', exp: Number })
  t.strictSame(heard, [['signed-in', { type: 'login', elsewhere: false }]])
  t.equal(server.last('POST /auth/login').headers['content-type'], 'application/json')
  t.equal(auth.claims, auth.claims, 'the same object until something changes, as stores in user interfaces need it')
})

t.test('a refused log-in is told with the code and status of the server, and changes nothing', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await auth.login({ username: 'ada', password: 'right' })
  auth.subscribe(() => t.fail('nothing has changed'))
  const error = await auth.login({ username: 'bob', password: 'wrong' }).catch((error: unknown) => error)
  t.type(error, AuthError)
  t.match(error, { name: 'AuthError', code: 'FST_TOKEN_AUTH_INVALID_CREDENTIALS', status: 401, message: /refused/ })
  t.equal(auth.claims?.sub, 'ada')
})

t.test('restore finds a session by its cookie, or finds that there is none', async (t) => {
  const server = await startServer(t)
  const jar = createJar()
  t.equal(await createAuthClient({ baseUrl: server.url, fetch: jar }).restore(), 'signed-out')
  await createAuthClient({ baseUrl: server.url, fetch: jar }).login({ username: 'ada', password: 'right' })

  const auth = createAuthClient({ baseUrl: server.url, fetch: jar })
  const heard: AuthEvent[] = []
  auth.subscribe((state, event) => heard.push(event))
  t.equal(await auth.restore(), 'signed-in')
  t.equal(auth.claims?.sub, 'ada')
  t.strictSame(heard, [{ type: 'refresh', elsewhere: false }])
  t.notOk(server.last('POST /auth/refresh').headers['content-type'], 'the cookie says it all: no body')
})

t.test('log-out: signed out here and on the server', async (t) => {
  const server = await startServer(t)
  const jar = createJar()
  const auth = createAuthClient({ baseUrl: server.url, fetch: jar })
  await auth.login({ username: 'ada', password: 'right' })
  const heard: AuthEvent[] = []
  auth.subscribe((state, event) => heard.push(event))
  await auth.logout()
  t.equal(auth.state, 'signed-out')
  t.equal(auth.claims, null)
  t.strictSame(heard, [{ type: 'logout', elsewhere: false }])
  t.equal(await createAuthClient({ baseUrl: server.url, fetch: jar }).restore(), 'signed-out')
})

t.test('a log-out that the server could not do is told, and the person is still signed in', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await auth.login({ username: 'ada', password: 'right' })
  server.answer('POST /auth/logout', () => ({ status: 503, headers: { 'retry-after': '3' } }))
  await t.rejects(auth.logout(), { name: 'AuthError', status: 503, retryAfter: 3 })
  t.equal(auth.state, 'signed-in')
  server.answer('POST /auth/logout')
  await auth.logout()
  t.equal(auth.state, 'signed-out')
})

t.test('another route of the app can log in, if it answers as login does', async (t) => {
  const server = await startServer(t)
  server.answer('POST /passkeys/verify', () => server.usual('POST /auth/login', { username: 'ada', password: 'right' }))
  const auth = createAuthClient<object, { assertion: string }>({ baseUrl: server.url, fetch: createJar() })
  await auth.login({ assertion: 'x' }, { path: '/passkeys/verify' })
  t.equal(auth.claims?.sub, 'ada')
})

t.test('the auth routes may be under another prefix, and baseUrl may end with a slash', async (t) => {
  const server = await startServer(t)
  server.answer('POST /staff/login', () => server.usual('POST /auth/login', { username: 'ada', password: 'right' }))
  const auth = createAuthClient({ baseUrl: `${server.url}/`, prefix: '/staff', fetch: createJar() })
  await auth.login({ username: 'ada', password: 'right' })
  t.equal(auth.state, 'signed-in')
})

t.test('listeners: told until they leave; one that throws disturbs neither the log-in nor the others', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  const heard: string[] = []
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
  auth.subscribe(() => { throw new Error('listener') })
  const leave = auth.subscribe((state) => heard.push(state))
  await auth.login({ username: 'ada', password: 'right' })
  t.match(await thrown, { message: 'listener' }, 'reported as an error nobody caught')
  leave()
  process.once('uncaughtException', () => {})
  await auth.logout()
  t.strictSame(heard, ['signed-in'])
})

t.test('methods need no this', async (t) => {
  const server = await startServer(t)
  const { login, fetch, restore, logout, subscribe, token } = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  subscribe(() => {})
  await login({ username: 'ada', password: 'right' })
  t.equal((await fetch('/api/me')).status, 200)
  t.type(await token(), 'string')
  t.equal(await restore(), 'signed-in')
  await logout()
})

t.test('log-ins and log-outs take effect in the order in which they were asked for', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await Promise.all([
    auth.login({ username: 'ada', password: 'right' }),
    auth.login({ username: 'bob', password: 'right' })
  ])
  t.equal(auth.claims?.sub, 'bob')
  await Promise.all([auth.login({ username: 'ada', password: 'right' }), auth.logout()])
  t.equal(auth.state, 'signed-out')
  t.equal(await auth.restore(), 'signed-out', 'the cookie is gone, too')
})
