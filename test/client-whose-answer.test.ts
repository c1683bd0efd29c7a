// Nobody is ever mixed up with somebody else: what arrives late for one person does not reach the next.
import t, { type Test } from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

const ada = { username: 'ada', password: 'right' }
const bob = { username: 'bob', password: 'right' }
const REFRESH = 'POST /auth/refresh'

async function signedIn (t: Test) {
  const server = await startServer(t)
  const jar = createJar()
  const auth = createAuthClient({ baseUrl: server.url, fetch: jar })
  await auth.login(ada)
  return { server, auth, jar }
}

t.test('log in as somebody else while a refresh hangs: no waiting, and its answer is dropped', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const late = t.rejects(auth.fetch('/api/me'), { name: 'AuthError', code: 'USER_CHANGED' }, 'the request was ada\'s: it is not repeated as bob')
  await reached
  await auth.login(bob)
  t.equal(auth.claims?.sub, 'bob')
  await late
  release()
  t.match(await (await auth.fetch('/api/me')).json(), { sub: 'bob' })
  t.equal(await auth.restore(), 'signed-in')
  t.equal(auth.claims?.sub, 'bob', 'the cookie is bob\'s as well')
})

t.test('log out while a refresh hangs: no waiting, and its answer is dropped', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const late = auth.fetch('/api/me')
  await reached
  await auth.logout()
  t.equal((await late).status, 401, 'the answer that the request had got')
  release()
  t.equal(auth.state, 'signed-out')
  t.equal(await auth.restore(), 'signed-out')
})

t.test('a log-in that fails while a refresh hangs: the refresh is made anew', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const waiting = auth.fetch('/api/me')
  await reached
  await t.rejects(auth.login({ username: 'bob', password: 'wrong' }), { name: 'AuthError', status: 401 })
  t.match(await (await waiting).json(), { sub: 'ada' })
  t.equal(server.count(REFRESH), 2)
  release()
})

t.test('the same person logs in again while a refresh hangs, as a step-up does: requests go on', async (t) => {
  const { server, auth } = await signedIn(t)
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const waiting = auth.fetch('/api/me')
  await reached
  await auth.login(ada)
  t.match(await (await waiting).json(), { sub: 'ada' })
  release()
})

t.test('an answer that was made for the one is not handed to a page of the other, or of nobody', async (t) => {
  const { server, auth } = await signedIn(t)
  for (const next of [() => auth.login(bob), () => auth.logout()]) {
    await auth.login(ada)
    const { reached, release } = server.hold('GET /api/letters')
    const late = auth.fetch('/api/letters')
    await reached
    await next()
    release()
    await t.rejects(late, { name: 'AuthError', code: 'USER_CHANGED' })
  }
})

t.test('an answer to a request without a token is nobody\'s secret', async (t) => {
  const { server, auth } = await signedIn(t)
  await auth.logout()
  server.answer('GET /news', () => ({ status: 200, body: 'news' }))
  const { reached, release } = hold(server)
  const news = auth.fetch('/news')
  await reached
  await auth.login(bob)
  release()
  t.equal((await news).status, 200)

  function hold (server: Awaited<ReturnType<typeof startServer>>) {
    let release!: () => void
    const permission = new Promise<void>((resolve) => { release = resolve })
    const reached = new Promise<void>((resolve) => {
      server.answer('GET /news', async () => {
        resolve()
        await permission
        return { status: 200, body: 'news' }
      })
    })
    return { reached, release }
  }
})

t.test('the cookie turns out to be somebody else\'s: the request is not repeated in their name', async (t) => {
  const { server, auth, jar } = await signedIn(t)
  // another tab of an old browser, which tells nobody
  await createAuthClient({ baseUrl: server.url, fetch: jar }).login(bob)
  server.expireTokens()
  await t.rejects(auth.fetch('/api/transfer', { method: 'POST', body: '{}' }), { name: 'AuthError', code: 'USER_CHANGED' })
  t.equal(server.count('POST /api/transfer'), 1)
  t.equal(auth.claims?.sub, 'bob', 'the page is told whose it is now')
  t.equal((await auth.fetch('/api/me')).status, 200)
})

t.test('an early refresh that finds somebody else sends nothing', async (t) => {
  const server = await startServer(t)
  const jar = createJar()
  server.liveFor(0)
  const auth = createAuthClient({ baseUrl: server.url, fetch: jar, refreshEarly: 60 })
  await auth.login(ada)
  await createAuthClient({ baseUrl: server.url, fetch: jar }).login(bob)
  await t.rejects(auth.fetch('/api/transfer', { method: 'POST' }), { code: 'USER_CHANGED' })
  t.equal(server.count('POST /api/transfer'), 0)
})
