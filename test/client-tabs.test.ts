// Tabs of one browser: one refresh for all, in step with each other, and right without locks and channels, too.
import t, { type Test } from 'tap'
import { createAuthClient, type AuthClientOptions, type AuthEvent } from 'fastify-token-auth/client'
import { becomePage, type PageOptions } from './fixtures/client-browser-globals.ts'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

const ada = { username: 'ada', password: 'right' }
const bob = { username: 'bob', password: 'right' }
const REFRESH = 'POST /auth/refresh'

/** One browser with some tabs, all signed in with the same cookie. */
async function openTabs (t: Test, count: number, { options = {}, ...page }: PageOptions & { options?: AuthClientOptions } = {}) {
  const server = await startServer(t)
  const jar = createJar()
  const browser = becomePage(t, page)
  await createAuthClient({ baseUrl: server.url, fetch: jar }).login(ada)
  const tabs = Array.from({ length: count }, () => {
    const auth = createAuthClient({ baseUrl: server.url, fetch: jar, ...options })
    const events: (AuthEvent & { state: string })[] = []
    auth.subscribe((state, event) => events.push({ state, ...event }))
    return { auth, events }
  })
  for (const { auth } of tabs) if (auth.state === 'unknown') await auth.restore()
  return { server, jar, browser, tabs, first: tabs[0]?.auth as typeof tabs[number]['auth'], others: tabs.slice(1) }
}

/** Until what was told has been heard. */
function heard (events: AuthEvent[], type: AuthEvent['type']): Promise<void> {
  return new Promise((resolve) => {
    const look = () => events.some((event) => event.type === type && event.elsewhere) ? resolve() : setImmediate(look)
    look()
  })
}

t.test('ten tabs whose token expires at once make one refresh', async (t) => {
  const { server, tabs } = await openTabs(t, 10)
  const before = server.count(REFRESH)
  server.expireTokens()
  const responses = await Promise.all(tabs.map(({ auth }) => auth.fetch('/api/me')))
  t.ok(responses.every(({ status }) => status === 200))
  t.equal(server.count(REFRESH), before + 1)
  t.ok(tabs.every(({ auth }) => auth.state === 'signed-in'))
})

for (const page of [{ locks: false }, { channels: false }, { locks: false, channels: false }]) {
  t.test(`ten tabs with ${JSON.stringify(page)}: more refreshes, and nobody logged out`, async (t) => {
    const { server, tabs } = await openTabs(t, 10, page)
    server.expireTokens()
    const responses = await Promise.all(tabs.map(({ auth }) => auth.fetch('/api/me')))
    t.ok(responses.every(({ status }) => status === 200))
    t.ok(tabs.every(({ auth }) => auth.state === 'signed-in'))
  })
}

t.test('ten tabs that open at once make one refresh', async (t) => {
  const { server, jar } = await openTabs(t, 0)
  const tabs = Array.from({ length: 10 }, () => createAuthClient({ baseUrl: server.url, fetch: jar }))
  t.strictSame(await Promise.all(tabs.map((auth) => auth.restore())), Array(10).fill('signed-in'))
  t.equal(server.count(REFRESH), 1)
})

t.test('ten tabs that open at once where nobody is signed in make one refresh, too', async (t) => {
  const { server, first } = await openTabs(t, 1)
  await first.logout()
  const tabs = Array.from({ length: 10 }, () => createAuthClient({ baseUrl: server.url, fetch: createJar() }))
  const before = server.count(REFRESH)
  t.strictSame(await Promise.all(tabs.map((auth) => auth.restore())), Array(10).fill('signed-out'))
  t.equal(server.count(REFRESH) - before, 1)
})

t.test('a refresh that fails in one tab is tried by the next', async (t) => {
  const { server, tabs } = await openTabs(t, 3)
  server.expireTokens()
  let calls = 0
  server.answer(REFRESH, () => ++calls === 1 ? { status: 500 } : undefined)
  const results = await Promise.allSettled(tabs.map(({ auth }) => auth.fetch('/api/me')))
  t.strictSame(results.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled'])
  t.equal(calls, 2)
})

t.test('a tab that holds the lock for too long is not waited for', async (t) => {
  const { server, tabs } = await openTabs(t, 2, { options: { lockTimeout: 0.02 } })
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const stuck = tabs[0]?.auth.fetch('/api/me')
  await reached
  t.equal((await tabs[1]?.auth.fetch('/api/me'))?.status, 200)
  release()
  t.equal((await stuck)?.status, 200)
})

t.test('a browser that grants neither locks nor channels to this page', async (t) => {
  const { server, first } = await openTabs(t, 1, { refusing: true })
  server.expireTokens()
  t.equal((await first.fetch('/api/me')).status, 200)
  await t.rejects(first.login({ username: 'ada', password: 'wrong' }), { name: 'AuthError', status: 401 })
  t.equal(server.count('POST /auth/login'), 2, 'the job was not run twice')
})

t.test('a channel that swallows its messages holds nobody up for ever', async (t) => {
  const { server, first } = await openTabs(t, 1, { mute: true })
  server.expireTokens()
  t.equal((await first.fetch('/api/me')).status, 200)
})

t.test('log in: all tabs are signed in', async (t) => {
  const { first, others, server } = await openTabs(t, 3)
  await first.logout()
  await Promise.all(others.map(({ events }) => heard(events, 'logout')))
  await first.login(bob)
  for (const { auth, events } of others) {
    await heard(events, 'login')
    t.match(events.at(-1), { state: 'signed-in', type: 'login', elsewhere: true })
    t.match(await (await auth.fetch('/api/me')).json(), { sub: 'bob' })
  }
  t.equal(server.count('POST /auth/login'), 2)
})

t.test('log out: all tabs are signed out, also the one that knew of nobody yet', async (t) => {
  const { first, others, server, jar } = await openTabs(t, 3)
  const fresh = createAuthClient({ baseUrl: server.url, fetch: jar })
  const signedOut = new Promise((resolve) => fresh.subscribe(resolve))
  await first.logout()
  for (const { auth, events } of others) {
    await heard(events, 'logout')
    t.match(events.at(-1), { state: 'signed-out', type: 'logout', elsewhere: true })
    t.equal(auth.claims, null)
    t.equal((await auth.fetch('/api/me')).status, 401)
  }
  t.equal(await signedOut, 'signed-out')
})

t.test('log out in one tab while a refresh hangs in another: its late answer is dropped', async (t) => {
  const { first, others, server } = await openTabs(t, 2, { options: { lockTimeout: 0.02 } })
  const { auth, events } = others[0] as typeof others[number]
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const late = auth.fetch('/api/me')
  await reached
  await first.logout()
  await heard(events, 'logout')
  release()
  t.equal((await late).status, 401)
  t.equal(auth.state, 'signed-out')
})

t.test('log in as somebody else in one tab while a refresh hangs in another: never mixed up', async (t) => {
  const { first, others, server } = await openTabs(t, 2, { options: { lockTimeout: 0.02 } })
  const { auth, events } = others[0] as typeof others[number]
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const late = t.rejects(auth.fetch('/api/me'), { name: 'AuthError', code: 'USER_CHANGED' })
  await reached
  await first.login(bob)
  await heard(events, 'login')
  release()
  await late
  t.equal(auth.claims?.sub, 'bob')
  t.equal(first.claims?.sub, 'bob')
  t.equal(await auth.restore(), 'signed-in', 'the late cookie was dropped, too')
})

t.test('news of a session that is over, told late, brings nobody back', async (t) => {
  const { first, others, server } = await openTabs(t, 2)
  const { auth, events } = others[0] as typeof others[number]
  const { accessToken, claims } = { accessToken: await first.token(), claims: first.claims }
  const straggler = new BroadcastChannel(`fastify-token-auth:${server.url}/auth`)
  t.teardown(() => straggler.close())
  const late = { type: 'refresh', sid: claims?.sid, grant: { accessToken, expiresIn: 900, claims } }

  await first.logout()
  await heard(events, 'logout')
  events.length = 0
  straggler.postMessage(late)
  await first.login(bob)
  await heard(events, 'login')
  straggler.postMessage(late)
  straggler.postMessage({ type: 'session-ended', sid: claims?.sid })
  straggler.postMessage({ type: 'refresh', sid: first.claims?.sid, grant: { accessToken, expiresIn: 900, claims: { ...first.claims, name: 'Bob' } } })
  await heard(events, 'refresh')
  t.strictSame(events.map(({ type }) => type), ['login', 'refresh'], 'only news of the session that is on is taken')
  t.match(auth.claims, { sub: 'bob', name: 'Bob' })
})

t.test('a log-out by a tab that knew of nobody ends the session that the others know', async (t) => {
  const { first, server, jar } = await openTabs(t, 1)
  const late = { type: 'refresh', sid: first.claims?.sid, grant: { accessToken: await first.token(), expiresIn: 900, claims: first.claims } }
  const straggler = new BroadcastChannel(`fastify-token-auth:${server.url}/auth`)
  t.teardown(() => straggler.close())
  const events: string[] = []
  const loggedIn = new Promise<void>((resolve) => {
    first.subscribe((state, { type }) => {
      events.push(type)
      if (type === 'login') resolve()
    })
  })
  const fresh = createAuthClient({ baseUrl: server.url, fetch: jar })
  await fresh.logout()
  straggler.postMessage(late)
  await fresh.login(bob)
  await loggedIn
  t.strictSame(events, ['logout', 'login'], 'the late token brings nobody back')
})

t.test('clients of different servers or prefixes share nothing', async (t) => {
  const { server, first } = await openTabs(t, 1)
  server.answer('POST /staff/login', () => server.usual('POST /auth/login', bob))
  const staff = createAuthClient({ baseUrl: server.url, prefix: '/staff', fetch: createJar() })
  await staff.login(bob)
  await first.logout()
  t.equal(staff.state, 'signed-in')
  t.equal(first.state, 'signed-out')
})

t.test('the back button brings a page back: nothing is shown until the server was asked', async (t) => {
  const { first, tabs, browser } = await openTabs(t, 1)
  const { events } = tabs[0] as typeof tabs[number]
  events.length = 0
  browser.comeBack()
  t.equal(first.state, 'unknown', 'at once')
  t.equal(first.claims, null)
  t.equal((await first.fetch('/api/me')).status, 200)
  t.match(events, [{ state: 'unknown', type: 'page-restored' }, { state: 'signed-in', type: 'refresh' }])
})

t.test('the back button brings a page back after a log-out that it did not hear of', async (t) => {
  const { first, jar, server, browser } = await openTabs(t, 1, { channels: false })
  await createAuthClient({ baseUrl: server.url, fetch: jar }).logout()
  browser.comeBack()
  t.equal((await first.fetch('/api/me')).status, 401)
  t.equal(first.state, 'signed-out')
})

t.test('the back button brings a page back with a refresh under way, and the server away', async (t) => {
  const { first, server, browser } = await openTabs(t, 1)
  server.expireTokens()
  const { reached, release } = server.hold(REFRESH)
  const waiting = first.fetch('/api/me')
  await reached
  server.answer(REFRESH, () => ({ status: 503 }))
  browser.comeBack()
  await t.rejects(waiting, { name: 'AuthError', status: 503 })
  t.equal(first.state, 'unknown')
  release()
  server.answer(REFRESH)
  t.equal(await first.restore(), 'signed-in')
})

t.test('a page that is loaded, not brought back, asks nothing by itself', async (t) => {
  const { browser, server, first } = await openTabs(t, 1)
  const before = server.requests
  browser.load()
  t.equal(first.state, 'signed-in')
  t.equal(server.requests, before)
})
