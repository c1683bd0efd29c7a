// Ten tabs of a real Chromium on a real server: one refresh for all, and nobody logged out, whatever the browser lacks.
import type { Browser, BrowserContext } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchChromium } from './fixtures/chromium.ts'
import { openTab, startClientApp, type PageGlobals } from './fixtures/client-app.ts'
import { ada, grace } from './fixtures/app.ts'

declare const auth: PageGlobals['auth']
const REFRESH = 'POST /auth/refresh'
/** So that a test in which a tab hangs does not take long. */
const HASTY = { lockTimeout: 1 }

let browser: Browser
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

/** A profile with some tabs in which ada is signed in. */
async function openTabs (t: Test, count: number, prepare: (context: BrowserContext) => Promise<unknown> | unknown = () => {}) {
  const server = await startClientApp(t)
  const context = await browser.newContext()
  t.teardown(() => context.close())
  await prepare(context)
  const first = await openTab(context, server, HASTY)
  await first.evaluate((ada) => auth.login(ada), ada)
  const tabs = [first]
  while (tabs.length < count) tabs.push(await openTab(context, server, HASTY))
  return { server, context, tabs, first, second: tabs[1] as typeof first }
}

const states = (tabs: Array<Awaited<ReturnType<typeof openTab>>>) => Promise.all(tabs.map((tab) => tab.evaluate(() => auth.state)))
const fetchAll = (tabs: Array<Awaited<ReturnType<typeof openTab>>>) => Promise.all(tabs.map((tab) => tab.evaluate(async () => (await auth.fetch('/api/me')).status)))

t.test('the token of ten tabs expires at once: one refresh, all answered', async (t) => {
  const { server, tabs } = await openTabs(t, 10)
  for (const round of [1, 2, 3]) {
    const before = server.count(REFRESH)
    server.pass(61)
    t.strictSame(await fetchAll(tabs), Array(10).fill(200))
    t.equal(server.count(REFRESH) - before, 1, `round ${round}`)
  }
  t.strictSame(await states(tabs), Array(10).fill('signed-in'))
})

t.test('ten tabs are opened at once, as after a restart of the browser: all are signed in', async (t) => {
  const { server, tabs } = await openTabs(t, 10)
  const before = server.count(REFRESH)
  await Promise.all(tabs.map((tab) => tab.reload()))
  const found = await Promise.all(tabs.map((tab) => tab.evaluate(() => {
    const page = globalThis as unknown as PageGlobals
    page.auth = page.createAuthClient()
    return page.auth.restore()
  })))
  t.strictSame(found, Array(10).fill('signed-in'))
  t.comment(`${server.count(REFRESH) - before} refreshes`)
})

const WITHOUT_LOCKS = () => { Reflect.deleteProperty((globalThis as unknown as { Navigator: { prototype: object } }).Navigator.prototype, 'locks') }
const WITHOUT_CHANNELS = () => { Reflect.deleteProperty(globalThis, 'BroadcastChannel') }
const lacks = [
  { name: 'navigator.locks', scripts: [WITHOUT_LOCKS] },
  { name: 'BroadcastChannel', scripts: [WITHOUT_CHANNELS] },
  { name: 'either', scripts: [WITHOUT_LOCKS, WITHOUT_CHANNELS] }
]
for (const { name, scripts } of lacks) {
  t.test(`without ${name}: more refreshes, still all answered and nobody logged out`, async (t) => {
    const { server, tabs } = await openTabs(t, 10, async (context) => {
      for (const script of scripts) await context.addInitScript(script)
    })
    const before = server.count(REFRESH)
    for (let round = 0; round < 3; round++) {
      server.pass(61)
      t.strictSame(await fetchAll(tabs), Array(10).fill(200))
    }
    t.strictSame(await states(tabs), Array(10).fill('signed-in'))
    t.comment(`${server.count(REFRESH) - before} refreshes in 3 rounds`)
  })
}

t.test('log in and log out in one tab: all tabs follow', async (t) => {
  const { tabs, first } = await openTabs(t, 3)
  const others = tabs.slice(1)
  await first.evaluate(() => auth.logout())
  for (const tab of others) await tab.waitForFunction(() => auth.state === 'signed-out' && auth.claims === null)
  t.strictSame(await fetchAll(others), [401, 401])
  await first.evaluate((grace) => auth.login(grace), grace)
  for (const tab of others) await tab.waitForFunction(() => auth.claims?.sub === 'u-grace')
  t.strictSame(await fetchAll(others), [200, 200])
})

t.test('log out in one tab while a refresh of another hangs: its late answer is dropped', async (t) => {
  const { server, first, second } = await openTabs(t, 2)
  server.pass(61)
  const { reached, release } = server.hold(REFRESH)
  const late = second.evaluate(async () => (await auth.fetch('/api/me')).status)
  await reached
  await first.evaluate(() => auth.logout())
  await second.waitForFunction(() => auth.state === 'signed-out')
  release()
  t.equal(await late, 401)
  t.strictSame(await states([first, second]), ['signed-out', 'signed-out'])
  t.equal(await first.evaluate(() => auth.restore()), 'signed-out', 'the cookie does not come back')
})

t.test('log in as somebody else while an old refresh hangs, in the same tab and in another: never mixed up', async (t) => {
  for (const where of [0, 1]) {
    const { server, tabs, second } = await openTabs(t, 2)
    server.pass(61)
    const { reached, release } = server.hold(REFRESH)
    const late = second.evaluate(() => auth.fetch('/api/me').catch((error) => error.code))
    await reached
    await tabs[where === 0 ? 1 : 0]?.evaluate((grace) => auth.login(grace), grace)
    await second.waitForFunction(() => auth.claims?.sub === 'u-grace')
    release()
    t.equal(await late, 'USER_CHANGED')
    for (const tab of tabs) {
      t.strictSame(await tab.evaluate(async () => (await auth.fetch('/api/me')).json()), { id: 'u-grace' })
      t.equal(await tab.evaluate(() => auth.restore()), 'signed-in')
      t.equal(await tab.evaluate(() => auth.claims?.sub), 'u-grace', 'by the cookie, too')
    }
  }
})

t.test('a tab is closed in the middle of its refresh: the next tab makes one', async (t) => {
  const { server, first, second } = await openTabs(t, 2)
  server.pass(61)
  const { reached, release } = server.hold(REFRESH)
  second.evaluate(() => auth.fetch('/api/me')).catch(() => {})
  await reached
  const waiting = first.evaluate(async () => (await auth.fetch('/api/me')).status)
  await second.close()
  t.equal(await waiting, 200)
  release()
  t.equal(await first.evaluate(() => auth.restore()), 'signed-in')
})

t.test('a tab is frozen in the middle of its refresh: the other goes ahead', async (t) => {
  const { server, context, first, second } = await openTabs(t, 2)
  server.pass(61)
  const { reached, release } = server.hold(REFRESH)
  const stuck = second.evaluate(async () => (await auth.fetch('/api/me')).status)
  await reached
  const control = await context.newCDPSession(second)
  await control.send('Page.setWebLifecycleState', { state: 'frozen' })
  t.equal(await first.evaluate(async () => (await auth.fetch('/api/me')).status), 200)
  await control.send('Page.setWebLifecycleState', { state: 'active' })
  release()
  t.equal(await stuck, 200)
  t.strictSame(await states([first, second]), ['signed-in', 'signed-in'])
})
