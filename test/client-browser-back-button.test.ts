// The back button of a real Chromium, whose memory of left pages is switched on: after a log-out it shows nothing private.
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { ada } from './fixtures/app.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { openTab, startClientApp, type PageGlobals } from './fixtures/client-app.ts'

declare const auth: PageGlobals['auth']

interface Visit { name: string, script?: () => void }

/** A test that begins on the page after one that shows ada's letters, which is kept in memory. */
function afterLeaving ({ name, script = () => {} }: Visit, test: (t: Test, tab: Page, context: BrowserContext, origin: string) => Promise<void>): void {
  t.test(name, async (t) => {
    // Playwright switches that memory off
    const browser = await launchChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
    t.teardown(() => browser.close())
    const server = await startClientApp(t)
    const context = await browser.newContext()
    await context.addInitScript(script)
    const tab = await openTab(context, server)
    await tab.evaluate((ada) => {
      const shown: string[] = []
      Object.assign(globalThis, { shown })
      auth.subscribe((state) => {
        document.body.textContent = auth.claims ? `Letters to ${auth.claims.sub}` : state
        shown.push(document.body.textContent)
      })
      return auth.login(ada)
    }, ada)
    await tab.goto(`${server.origin}/?next`)
    await test(t, tab, context, server.origin)
  })
}

/** What the page has shown, if it is the one that was left and no new one. */
const shown = (tab: Page) => tab.evaluate(() => (globalThis as unknown as { shown?: string[] }).shown)

const WITHOUT_CHANNELS = () => { Reflect.deleteProperty(globalThis, 'BroadcastChannel') }

afterLeaving({ name: 'still signed in: nothing is shown until the server was asked, then everything', script: WITHOUT_CHANNELS }, async (t, tab) => {
  await tab.goBack({ waitUntil: 'commit' })
  await tab.waitForFunction(() => auth.state === 'signed-in')
  t.strictSame(await shown(tab), ['Letters to u-ada', 'unknown', 'Letters to u-ada'])
})

afterLeaving({ name: 'logged out on the next page, without channels', script: WITHOUT_CHANNELS }, async (t, tab) => {
  await tab.evaluate(() => {
    const page = globalThis as unknown as PageGlobals
    return page.createAuthClient().logout()
  })
  await tab.goBack({ waitUntil: 'commit' })
  await tab.waitForFunction(() => auth.state === 'signed-out')
  t.strictSame(await shown(tab), ['Letters to u-ada', 'unknown', 'signed-out'])
})

afterLeaving({ name: 'logged out in another tab' }, async (t, tab, context, origin) => {
  const other = await openTab(context, { origin })
  await other.evaluate(() => auth.logout())
  await tab.goBack({ waitUntil: 'commit' })
  const text = await tab.evaluate(() => document.body.textContent)
  t.notMatch(text, /Letters/)
  t.comment(await shown(tab) ? 'the page came back out of memory' : 'the browser had dropped the page and loaded it anew')
})
