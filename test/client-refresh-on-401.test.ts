// The client refreshes on a 401 that asks for a token, repeats once, and passes everything else through.
import t, { type Test } from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

async function signedIn (t: Test) {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await auth.login({ username: 'ada', password: 'right' })
  return { server, auth }
}

t.test('a request carries the access token', async (t) => {
  const { server, auth } = await signedIn(t)
  const response = await auth.fetch('/api/me')
  t.match(await response.json(), { sub: 'ada' })
  t.equal(server.count('POST /auth/refresh'), 0)
})

t.test('an expired token: refresh, repeat, and the caller sees the second answer only', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const response = await auth.fetch('/api/me')
  t.equal(response.status, 200)
  t.match(await response.json(), { sub: 'ada' })
  t.equal(server.count('GET /api/me'), 2)
  t.equal(server.count('POST /auth/refresh'), 1)
})

t.test('many requests at once make one refresh', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const responses = await Promise.all(Array.from({ length: 20 }, () => auth.fetch('/api/me')))
  t.ok(responses.every(({ status }) => status === 200))
  t.equal(server.count('POST /auth/refresh'), 1)
})

t.test('a 401 that arrives after a newer token has come is repeated with that one', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const slow = server.hold('GET /api/slow')
  const answer = auth.fetch('/api/slow')
  await slow.reached
  await auth.fetch('/api/me')
  slow.release()
  t.equal((await answer).status, 200)
  t.equal(server.count('POST /auth/refresh'), 1)
})

t.test('before anybody is known, a 401 finds the session out', async (t) => {
  const server = await startServer(t)
  const jar = createJar()
  await createAuthClient({ baseUrl: server.url, fetch: jar }).login({ username: 'ada', password: 'right' })
  const auth = createAuthClient({ baseUrl: server.url, fetch: jar })
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(auth.state, 'signed-in')
})

t.test('the session is over: the 401 is passed on, and no further refresh is tried', async (t) => {
  const { server, auth } = await signedIn(t)
  const events: string[] = []
  auth.subscribe((state, { type }) => events.push(`${state} by ${type}`))
  server.expireTokens()
  server.endSessions()
  t.equal((await auth.fetch('/api/me')).status, 401)
  t.equal(server.count('GET /api/me'), 1, 'not repeated')
  t.equal(auth.state, 'signed-out')
  t.strictSame(events, ['signed-out by session-ended'])
  t.equal((await auth.fetch('/api/me')).status, 401)
  t.equal(server.count('POST /auth/refresh'), 1)
  t.notOk(server.last('GET /api/me').headers.authorization)
})

t.test('a request that came before a log-in is repeated with the token of that log-in', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await auth.restore()
  const slow = server.hold('GET /api/slow')
  const answer = auth.fetch('/api/slow')
  await slow.reached
  await auth.login({ username: 'ada', password: 'right' })
  slow.release()
  t.equal((await answer).status, 200)
  t.equal(server.count('POST /auth/refresh'), 1, 'that of restore')
})

t.test('a server that answers 401 for ever: one refresh and one repeat, no loop', async (t) => {
  const { server, auth } = await signedIn(t)
  server.answer('GET /api/odd', () => ({ status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }))
  t.equal((await auth.fetch('/api/odd')).status, 401)
  t.equal(server.count('GET /api/odd'), 2)
  t.equal(server.count('POST /auth/refresh'), 1)
  t.equal(auth.state, 'signed-in')
})

const challenges: { header: string | undefined, refreshes: number }[] = [
  { header: undefined, refreshes: 0 },
  { header: 'Basic realm="api"', refreshes: 0 },
  { header: 'Basic realm="bearer of tokens"', refreshes: 0 },
  { header: 'Bearerless', refreshes: 0 },
  { header: 'Bearer', refreshes: 1 },
  { header: 'bearer error="invalid_token"', refreshes: 1 },
  { header: 'Basic realm="api", Bearer realm="api"', refreshes: 1 },
  { header: 'Bearer error="insufficient_user_authentication", max_age="300"', refreshes: 0 },
  { header: 'Bearer realm="api", error="insufficient_scope"', refreshes: 0 }
]
for (const { header, refreshes } of challenges) {
  t.test(`a 401 with ${header ? `WWW-Authenticate: ${header}` : 'no challenge'}: ${refreshes ? 'refresh' : 'passed through'}`, async (t) => {
    const { server, auth } = await signedIn(t)
    server.answer('GET /api/x', () => ({ status: 401, ...(header && { headers: { 'www-authenticate': header } }), body: { code: 'OWN' } }))
    const response = await auth.fetch('/api/x')
    t.equal(response.status, 401)
    t.strictSame(await response.json(), { code: 'OWN' })
    t.equal(server.count('POST /auth/refresh'), refreshes)
    t.equal(auth.state, 'signed-in')
  })
}

t.test('any other status is passed through, whatever its headers', async (t) => {
  const { server, auth } = await signedIn(t)
  for (const status of [400, 403, 404, 429, 500, 503]) {
    server.answer('GET /api/x', () => ({ status, headers: { 'www-authenticate': 'Bearer' } }))
    t.equal((await auth.fetch('/api/x')).status, status)
  }
  t.equal(server.count('POST /auth/refresh'), 0)
})
