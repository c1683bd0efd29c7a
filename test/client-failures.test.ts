// Only a 401 from the refresh route signs the person out; whatever else fails keeps the state and rejects with a typed error.
import t, { type Test } from 'tap'
import { AuthError, createAuthClient, type AuthClientOptions } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { refusal, startServer, type TestServer } from './fixtures/client-server.ts'

async function withExpiredToken (t: Test, options: AuthClientOptions = {}) {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar(), ...options })
  await auth.login({ username: 'ada', password: 'right' })
  server.expireTokens()
  auth.subscribe(() => { if (auth.state !== 'signed-in') t.fail('the state must stay') })
  return { server, auth }
}

const REFRESH = 'POST /auth/refresh'

interface Failure {
  name: string
  fail: (server: TestServer) => void
  error: object
}

const failures: Failure[] = [
  {
    name: 'the store is down',
    fail: (server) => server.answer(REFRESH, () => refusal(503, 'FST_TOKEN_AUTH_STORE_UNAVAILABLE')),
    error: { code: 'FST_TOKEN_AUTH_STORE_UNAVAILABLE', status: 503, retryAfter: undefined }
  },
  {
    name: 'too many requests',
    fail: (server) => server.answer(REFRESH, () => ({ ...refusal(429, 'FST_ERR_RATE_LIMIT'), headers: { 'retry-after': '60' } })),
    error: { code: 'FST_ERR_RATE_LIMIT', status: 429, retryAfter: 60 }
  },
  {
    name: 'cross-origin refused',
    fail: (server) => server.answer(REFRESH, () => refusal(403, 'FST_TOKEN_AUTH_CROSS_ORIGIN')),
    error: { code: 'FST_TOKEN_AUTH_CROSS_ORIGIN', status: 403 }
  },
  {
    name: 'the error page of a proxy',
    fail: (server) => server.answer(REFRESH, () => ({ status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad gateway</h1>' })),
    error: { code: 'UNEXPECTED_ANSWER', status: 502, message: 'The server answered 502' }
  },
  {
    name: 'the log-in page of a hotel',
    fail: (server) => server.answer(REFRESH, () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' })),
    error: { code: 'UNEXPECTED_ANSWER', status: 200 }
  },
  ...[{}, { accessToken: 7, expiresIn: 1 }, { accessToken: 'opaque', expiresIn: 1 }, { accessToken: 'a.bnVsbA.c', expiresIn: 1 }, { accessToken: 'a.e30.c', expiresIn: 1 }, { accessToken: 'a.eyJzdWIiOiJhZGEifQ.c' }].map((body) => ({
    name: `an answer without a usable token: ${JSON.stringify(body)}`,
    fail: (server: TestServer) => server.answer(REFRESH, () => ({ status: 200, body })),
    error: { code: 'UNEXPECTED_ANSWER', status: 200 }
  }))
]

for (const { name, fail, error } of failures) {
  t.test(`${name}: typed error, still signed in`, async (t) => {
    const { server, auth } = await withExpiredToken(t)
    fail(server)
    const thrown = await auth.fetch('/api/me').catch((error: unknown) => error)
    t.type(thrown, AuthError)
    t.match(thrown, error)
    t.equal(auth.state, 'signed-in')
    t.equal(auth.claims?.sub, 'ada')
  })
}

t.test('many requests at once whose refresh fails: they fail together, by one refresh', async (t) => {
  const jar = createJar()
  let refused = 0
  let letGo = () => {}
  const allRefused = new Promise<void>((resolve) => { letGo = resolve })
  const { server, auth } = await withExpiredToken(t, {
    async fetch (request) {
      const response = await jar(request)
      if (response.status === 401 && ++refused === 20) setImmediate(letGo)
      return response
    }
  })
  server.answer(REFRESH, async () => {
    await allRefused
    return { status: 500 }
  })
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => auth.fetch('/api/me')))
  t.ok(results.every(({ status }) => status === 'rejected'))
  t.equal(server.count(REFRESH), 1)
})

t.test('no connection: typed error, still signed in, and fine when it is back', async (t) => {
  const jar = createJar()
  let isOffline = false
  const { auth } = await withExpiredToken(t, { fetch: async (request) => isOffline ? fetch('http://127.0.0.1:1/') : jar(request) })
  isOffline = true
  const calls: Promise<unknown>[] = [auth.fetch('/api/me'), auth.restore(), auth.login({ username: 'bob', password: 'right' }), auth.logout()]
  for (const call of calls) {
    await t.rejects(call, { name: 'AuthError', code: 'NO_ANSWER', status: 0, cause: TypeError })
  }
  t.equal(auth.state, 'signed-in')
  isOffline = false
  t.equal((await auth.fetch('/api/me')).status, 200)
})

t.test('a connection that is cut in the middle of the answer', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  server.answer(REFRESH, () => ({ status: 200, headers: { 'content-length': '1000' }, body: '{"accessToken":' }))
  const call = auth.fetch('/api/me')
  await server.arrival(REFRESH)
  server.cutConnections()
  await t.rejects(call, { name: 'AuthError', code: 'NO_ANSWER' })
  server.answer(REFRESH)
  t.equal((await auth.fetch('/api/me')).status, 200)
})

t.test('an auth route that does not answer in time is given up, also by a fetch that cannot be stopped', async (t) => {
  const jar = createJar()
  const other = createJar()
  const unstoppable = (request: Request) => request.url.endsWith('/refresh') ? new Promise<Response>(() => {}) : other(request)
  await Promise.all([jar, unstoppable].map(async (send) => {
    const { server, auth } = await withExpiredToken(t, { fetch: send, timeout: 2 })
    const { release } = server.hold(REFRESH)
    await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', code: 'NO_ANSWER', message: /in time/ })
    t.equal(auth.state, 'signed-in')
    release()
  }))
})

t.test('before anybody is known, a failure leaves it open who is', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  server.answer(REFRESH, () => ({ status: 500 }))
  await t.rejects(auth.restore(), { name: 'AuthError', status: 500 })
  t.equal(auth.state, 'unknown')
})

t.test('Retry-After: until then the server is not asked again, and callers learn how long is left', async (t) => {
  let now = 1000
  t.intercept(performance, 'now', { value: () => now })
  const { server, auth } = await withExpiredToken(t)
  server.answer(REFRESH, () => ({ ...refusal(503, 'FST_TOKEN_AUTH_STORE_UNAVAILABLE'), headers: { 'retry-after': '10' } }))
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', retryAfter: 10 })
  server.answer(REFRESH)

  now += 3500
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', code: 'FST_TOKEN_AUTH_STORE_UNAVAILABLE', status: 503, retryAfter: 7 })
  await t.rejects(auth.restore(), { name: 'AuthError', retryAfter: 7 })
  t.equal(server.count(REFRESH), 1)
  t.equal(auth.state, 'signed-in')

  now += 6500
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.count(REFRESH), 2)
})

t.test('Retry-After does not keep anybody from logging in or out', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  server.answer(REFRESH, () => ({ status: 429, headers: { 'retry-after': '1000' } }))
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', status: 429 })
  await auth.login({ username: 'ada', password: 'right' })
  t.equal((await auth.fetch('/api/me')).status, 200)
})

t.test('a Retry-After that is no number of seconds is none', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  server.answer(REFRESH, () => ({ status: 503, headers: { 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' } }))
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', status: 503, retryAfter: undefined })
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', status: 503 })
  t.equal(server.count(REFRESH), 2)
})

t.test('a failed request of the app itself is told the same way', async (t) => {
  const auth = createAuthClient({ baseUrl: 'http://127.0.0.1:1' })
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', code: 'NO_ANSWER', cause: TypeError })
  await t.rejects(auth.fetch('http://127.0.0.1:2/elsewhere'), { name: 'AuthError', code: 'NO_ANSWER' })
})
