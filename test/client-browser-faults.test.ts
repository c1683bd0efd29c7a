// What goes wrong between a real Chromium and a real server signs nobody out: requests go through later, or reject with a typed error.
import rateLimit from '@fastify/rate-limit'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { MemoryStore } from '../lib/stores/memory.ts'
import { ada } from './fixtures/app.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { openTab, startClientApp, type ClientAppOptions, type PageGlobals } from './fixtures/client-app.ts'

declare const auth: PageGlobals['auth']
const REFRESH = 'POST /auth/refresh'

let browser: Browser
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

/** A tab in which ada is signed in with an access token that has expired. */
async function withExpiredToken (t: Test, options: ClientAppOptions = {}) {
  const server = await startClientApp(t, options)
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const tab = await openTab(context, server)
  await tab.evaluate((ada) => auth.login(ada), ada)
  server.pass(61)

  /** What a call to the API came to: its status, or the error as an app sees it. */
  const call = () => tab.evaluate(async () => {
    try {
      return (await auth.fetch('/api/me')).status
    } catch (error) {
      const { name, code, status, retryAfter } = error as Record<string, unknown>
      return { name, code, status, retryAfter }
    }
  })
  const state = () => tab.evaluate(() => auth.state)
  return { server, context, tab, call, state }
}

t.test('the answer to a refresh is lost on the way', async (t) => {
  const { server, call, state } = await withExpiredToken(t)
  server.lose(REFRESH)
  t.match(await call(), { name: 'AuthError', code: 'NO_ANSWER', status: 0 })
  t.equal(await state(), 'signed-in')
  t.equal(await call(), 200)
})

t.test('the answers to several refreshes in a row are lost, and the page is loaded anew', async (t) => {
  const { server, context, tab, call } = await withExpiredToken(t)
  for (let i = 0; i < 5; i++) {
    server.lose(REFRESH)
    t.match(await call(), { code: 'NO_ANSWER' })
  }
  await tab.close()
  const again = await openTab(context, server)
  t.equal(await again.evaluate(() => auth.state), 'signed-in')
})

t.test('the page is left in the middle of a refresh', async (t) => {
  const { server, context, tab } = await withExpiredToken(t)
  const { reached, release } = server.hold(REFRESH)
  tab.evaluate(() => auth.fetch('/api/me')).catch(() => {})
  await reached
  await tab.close()
  release()
  const again = await openTab(context, server)
  t.equal(await again.evaluate(() => auth.state), 'signed-in')
})

t.test('the laptop sleeps for an hour, and the clock of the page with it', async (t) => {
  const { server, context, tab, call, state } = await withExpiredToken(t)
  const control = await context.newCDPSession(tab)
  await control.send('Page.setWebLifecycleState', { state: 'frozen' })
  server.pass(3600)
  await control.send('Page.setWebLifecycleState', { state: 'active' })
  t.equal(await call(), 200)
  t.equal(await state(), 'signed-in')
})

t.test('the laptop falls asleep in the middle of a refresh, whose answer the server had sent', async (t) => {
  const { server, context, tab, call, state } = await withExpiredToken(t)
  const control = await context.newCDPSession(tab)
  const { reached, release } = server.hold(REFRESH)
  const waiting = call()
  await reached
  await control.send('Page.setWebLifecycleState', { state: 'frozen' })
  release()
  server.pass(3600)
  await control.send('Page.setWebLifecycleState', { state: 'active' })
  t.equal(await waiting, 401, 'the token that had come was an hour old; one repeat, no loop')
  t.equal(await call(), 200)
  t.equal(await state(), 'signed-in')
})

t.test('offline and back', async (t) => {
  const { context, call, state } = await withExpiredToken(t)
  await context.setOffline(true)
  t.match(await call(), { name: 'AuthError', code: 'NO_ANSWER', status: 0 })
  t.equal(await state(), 'signed-in')
  await context.setOffline(false)
  t.equal(await call(), 200)
})

t.test('the page is loaded while the server is away: not known who it is, and found out later', async (t) => {
  const { server, context } = await withExpiredToken(t)
  const page = await context.newPage()
  await page.goto(server.origin)
  await context.setOffline(true)
  const error = await page.evaluate(() => {
    const page = globalThis as unknown as PageGlobals
    page.auth = page.createAuthClient()
    return page.auth.restore().catch((error) => error.code)
  })
  t.equal(error, 'NO_ANSWER')
  t.equal(await page.evaluate(() => auth.state), 'unknown')
  await context.setOffline(false)
  t.equal(await page.evaluate(() => auth.restore()), 'signed-in')
})

t.test('the store is down: 503 with Retry-After, and the server is left in peace until then', async (t) => {
  const store = new MemoryStore()
  const advance = store.advance.bind(store)
  const { server, tab, call, state } = await withExpiredToken(t, { plugin: { refreshTokenStore: store } })
  await tab.clock.install()
  store.advance = () => Promise.reject(new Error('down'))
  const error = await call() as { retryAfter: number }
  t.match(error, { name: 'AuthError', code: 'FST_TOKEN_AUTH_STORE_UNAVAILABLE', status: 503, retryAfter: Number })
  t.match(await call(), { status: 503 })
  t.equal(server.count(REFRESH), 2, 'that of the page load, and one')
  t.equal(await state(), 'signed-in')

  store.advance = advance
  await tab.clock.fastForward(error.retryAfter * 1000)
  t.equal(await call(), 200)
})

t.test('too many requests: 429 with Retry-After', async (t) => {
  let max = 1
  const { tab, call, state } = await withExpiredToken(t, {
    before: (app) => app.register(rateLimit, { global: false }),
    plugin: { routes: { refresh: { config: { rateLimit: { max: () => max, timeWindow: '1 minute' } } } as object } }
  })
  await tab.clock.install()
  const error = await call() as { retryAfter: number }
  t.match(error, { name: 'AuthError', status: 429, retryAfter: Number })
  t.equal(await state(), 'signed-in')
  max = 10
  t.match(await call(), { status: 429 }, 'not asked again before')
  await tab.clock.fastForward(error.retryAfter * 1000)
  t.equal(await call(), 200)
})
