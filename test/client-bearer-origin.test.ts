// The access token goes to the server's own origin only, and to requests that bring no Authorization of their own.
import t, { type Test } from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

async function signedIn (t: Test, path = '') {
  const server = await startServer(t)
  const sent: Request[] = []
  const jar = createJar()
  const auth = createAuthClient({ baseUrl: server.url + path, fetch: (request) => { sent.push(request); return jar(request) } })
  server.answer(`POST ${path}/auth/login`, () => server.usual('POST /auth/login', { username: 'ada', password: 'right' }))
  await auth.login({ username: 'ada', password: 'right' })
  return { server, auth, sent }
}

t.test('another origin gets no token, and its 401 no refresh', async (t) => {
  const { server, auth } = await signedIn(t)
  const other = await startServer(t)
  const { port } = new URL(other.url)
  for (const input of [`${other.url}/api/x`, new URL(`${other.url}/api/x`), new Request(`${other.url}/api/x`), `http://localhost:${port}/api/x`]) {
    t.equal((await auth.fetch(input)).status, 401)
    t.notOk(other.last('GET /api/x').headers.authorization)
  }
  t.equal(server.count('POST /auth/refresh'), 0)
})

t.test('addresses that only look like the server get no token', async (t) => {
  const { server, auth, sent } = await signedIn(t)
  const { host, port } = new URL(server.url)
  const lookalikes = [
    `http://127.0.0.1.example.test:${port}/api/x`,
    `http://example.test/http://${host}/`,
    `http://example.test?${server.url}`,
    `http://example.test#${server.url}`,
    `//example.test:${port}/api/x`,
    `https://${host}/api/x`,
    'http://127.0.0.1:1/api/x',
    'data:text/plain,x'
  ]
  for (const url of lookalikes) {
    await auth.fetch(url).catch(() => {})
    const last = sent.at(-1)
    t.notOk(last?.headers.has('authorization') && new URL(last.url).origin !== server.url, url)
  }
  t.equal(server.requests, 1, 'and none of them came here')
  await t.rejects(auth.fetch(`http://${host}@example.test/`), TypeError, 'fetch itself refuses credentials in an address')
})

t.test('an address spelt otherwise is the same origin', async (t) => {
  const { server, auth } = await signedIn(t)
  t.equal((await auth.fetch(server.url.replace('http', 'HTTP') + '/api/me')).status, 200)
  t.equal((await auth.fetch(new URL('/api/me', server.url))).status, 200)
})

t.test('a path goes after baseUrl, and the whole origin gets the token', async (t) => {
  const { server, auth } = await signedIn(t, '/tenants/7')
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.count('GET /tenants/7/api/me'), 1)
  t.equal((await auth.fetch(`${server.url}/elsewhere`)).status, 200)
})

t.test('a request with an Authorization of its own is sent as it is', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const response = await auth.fetch('/api/x', { headers: { authorization: 'Bearer own' } })
  t.equal(response.status, 401)
  t.equal(server.last('GET /api/x').headers.authorization, 'Bearer own')
  t.equal(server.count('POST /auth/refresh'), 0)
})

t.test('the auth routes carry the cookie to whatever origin; the app decides it for its own requests', async (t) => {
  const { auth, sent } = await signedIn(t)
  await auth.fetch('/api/me')
  await auth.fetch('/api/me', { credentials: 'omit' })
  await auth.restore()
  await auth.logout()
  t.strictSame(sent.map(({ credentials }) => credentials), ['include', 'same-origin', 'omit', 'include', 'include'])
})
