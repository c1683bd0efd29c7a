// Lifetimes are counted from the receipt by a clock that nobody sets; the server has the last word.
import t, { type Test } from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

const REFRESH = 'POST /auth/refresh'

interface Setting { refreshEarly?: number, expiresIn?: number }

async function signedIn (t: Test, { expiresIn = 900, ...options }: Setting = {}) {
  const clock = { seconds: 5000 }
  t.intercept(performance, 'now', { value: () => clock.seconds * 1000 })
  const server = await startServer(t)
  server.liveFor(expiresIn)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar(), ...options })
  await auth.login({ username: 'ada', password: 'right' })
  return { server, auth, clock }
}

t.test('without refreshEarly, a token is used until the server refuses it', async (t) => {
  const { server, auth, clock } = await signedIn(t)
  clock.seconds += 10_000
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.count(REFRESH), 0)
})

t.test('with refreshEarly, the refresh comes before the request, that many seconds ahead', async (t) => {
  const { server, auth, clock } = await signedIn(t, { refreshEarly: 30 })
  clock.seconds += 869
  await auth.fetch('/api/me')
  t.equal(server.count(REFRESH), 0)
  clock.seconds += 1
  server.expireTokens()
  await auth.fetch('/api/me')
  t.equal(server.count(REFRESH), 1)
  t.equal(server.count('GET /api/me'), 2, 'no request had to be repeated')
})

t.test('a token that lives shorter than refreshEarly is used for half its life', async (t) => {
  const { server, auth, clock } = await signedIn(t, { refreshEarly: 3600, expiresIn: 20 })
  clock.seconds += 9
  await auth.fetch('/api/me')
  t.equal(server.count(REFRESH), 0)
  clock.seconds += 1
  await auth.fetch('/api/me')
  t.equal(server.count(REFRESH), 1)
})

t.test('an early refresh that fails is no harm while the old token does', async (t) => {
  const { server, auth, clock } = await signedIn(t, { refreshEarly: 30 })
  clock.seconds += 880
  server.answer(REFRESH, () => ({ status: 503 }))
  t.equal((await auth.fetch('/api/me')).status, 200)
  server.expireTokens()
  await t.rejects(auth.fetch('/api/me'), { name: 'AuthError', status: 503 })
})

t.test('an early refresh that finds the session over: the request goes without a token', async (t) => {
  const { server, auth, clock } = await signedIn(t, { refreshEarly: 30 })
  clock.seconds += 880
  server.endSessions()
  t.equal((await auth.fetch('/api/me')).status, 401)
  t.notOk(server.last('GET /api/me').headers.authorization)
  t.equal(auth.state, 'signed-out')
})

t.test('the wall clock is not asked', async (t) => {
  const { server, auth } = await signedIn(t, { refreshEarly: 30 })
  t.intercept(Date, 'now', { value: () => 4e12 })
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.count(REFRESH), 0)
})

t.test('asleep for an hour, with a clock that slept, too: the 401 tells', async (t) => {
  const { server, auth } = await signedIn(t, { refreshEarly: 30 })
  server.expireTokens()
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.count(REFRESH), 1)
})

t.test('expiresIn 0: one refresh for each request, no loop', async (t) => {
  const { server, auth } = await signedIn(t, { refreshEarly: 30, expiresIn: 0 })
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.count(REFRESH), 2)
  t.type(await auth.token(), 'string')
})

t.test('token: the one at hand while it lives, else a new one, else null', async (t) => {
  const { server, auth, clock } = await signedIn(t)
  const first = await auth.token()
  t.equal(await auth.token(), first)
  t.equal(server.count(REFRESH), 0)
  clock.seconds += 900
  const second = await auth.token()
  t.not(second, first)
  t.equal((await fetch(`${server.url}/api/me`, { headers: { authorization: `Bearer ${second}` } })).status, 200)
  clock.seconds += 900
  server.answer(REFRESH, () => ({ status: 503 }))
  await t.rejects(auth.token(), { name: 'AuthError', status: 503 })
  server.answer(REFRESH)
  server.endSessions()
  t.equal(await auth.token(), null)
  const asked = server.count(REFRESH)
  t.equal(await auth.token(), null)
  t.equal(server.count(REFRESH), asked, 'signed out is signed out')
})
