// The client in a real Firefox: one refresh for ten tabs, bodies that arrive whole, all tabs signed out together.
import t from 'tap'
import { ada } from './fixtures/app.ts'
import { startClientApp, type PageGlobals } from './fixtures/client-app.ts'
import { launchFirefox } from './fixtures/client-firefox.ts'

declare const auth: PageGlobals['auth']
const REFRESH = 'POST /auth/refresh'

t.test('ten tabs', async (t) => {
  const browser = await launchFirefox()
  t.teardown(() => browser.close())
  const server = await startClientApp(t)

  async function openTab () {
    const tab = await browser.newPage()
    await tab.goto(server.origin)
    await tab.evaluate(async () => {
      const page = globalThis as unknown as PageGlobals
      page.auth = page.createAuthClient()
      await page.auth.restore()
    })
    return tab
  }
  const first = await openTab()
  await first.evaluate((ada) => auth.login(ada), ada)
  const tabs = [first]
  while (tabs.length < 10) tabs.push(await openTab())

  for (const round of [1, 2, 3]) {
    const before = server.count(REFRESH)
    server.pass(61)
    const statuses = await Promise.all(tabs.map((tab) => tab.evaluate(async () => (await auth.fetch('/api/me')).status)))
    t.strictSame(statuses, Array(10).fill(200))
    t.equal(server.count(REFRESH) - before, 1, `round ${round}`)
  }

  server.pass(61)
  const told = await first.evaluate(async () => {
    const form = new FormData()
    form.set('file', new Blob(['contents of the file']), 'file.txt')
    const response = await auth.fetch('/api/echo', { method: 'POST', body: form })
    return await response.json() as { text: string }
  })
  t.match(told.text, 'contents of the file')
  t.equal(await first.evaluate(() => document.cookie), '', 'no script can read the cookie')

  await first.evaluate(() => auth.logout())
  for (const tab of tabs) await tab.waitForFunction(() => auth.state === 'signed-out')
})
