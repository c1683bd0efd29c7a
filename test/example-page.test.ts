// The demo's page in a real Chromium: the whole story by clicking, and by keyboard; reload, server restart, accessibility, phones.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchChromium } from './fixtures/chromium.ts'
import { startExample, type Example } from './fixtures/example.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let browser: Browser

t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

interface Visit extends BrowserContextOptions { name: string }

/**
 * A test in which the page is open, in a profile of its own. Whatever the browser complains of fails the test, a violation
 * of the content security policy for one, save answers that are not 2xx, which it always reports.
 */
function visit ({ name, ...options }: Visit, test: (t: Test, page: Page, example: Example) => Promise<void>): void {
  t.test(name, async (t) => {
    const example = await startExample(t)
    await example.listen()
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
    context.setDefaultTimeout(15_000)
    t.teardown(() => context.close())
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      const isComplaint = ['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')
      if (isComplaint) complaints.push(message.text())
    })
    await page.goto(example.origin)
    await page.locator('#sign-in').waitFor()
    await test(t, page, example)
    t.same(complaints, [], 'the browser has nothing to complain of')
  })
}

/** Stop the clock of the page, so that only `clock.runFor` moves it. */
async function stopClock (page: Page): Promise<void> {
  await page.clock.install()
  await page.clock.pauseAt(Date.now() + 60_000)
}

async function logIn (page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Ada Lovelace' }).click()
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
}

/** The story on top of the timeline: its title, then each request with its answer. Waits until the last line is as given. */
async function newestStory (page: Page, lastLine: string): Promise<string[]> {
  const story = page.locator('.story').first()
  await story.locator('.request').last().filter({ hasText: lastLine }).waitFor()
  const lines = await story.locator('.request-line').evaluateAll((items) => items.map((item) => `${item.textContent}`.replace(/ \d+ ms$/, '')))
  return [await story.locator('.story-title').innerText(), ...lines]
}

visit({ name: 'the whole story by clicking, the refresh watched on the page' }, async (t, page, example) => {
  await stopClock(page)

  t.same(await newestStory(page, 'nobody is signed in'), ['Load the page', '401 POST /auth/refresh'])
  await logIn(page)
  t.same(await newestStory(page, '/api/me'), ['Log in', '200 POST /auth/login', '200 GET /api/me'])
  t.equal(await page.getByRole('status').first().innerText(), 'Signed in as Ada Lovelace')

  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  t.same(await newestStory(page, '/api/fortune'), ['Open a fortune cookie', '200 GET /api/fortune'])
  t.match(await page.locator('#fortune').innerText(), /\w/)

  t.match(await page.getByRole('timer').innerText(), '30')
  await page.clock.runFor(12_000)
  t.match(await page.getByRole('timer').innerText(), '18')
  const firstToken = await page.locator('#fact-token').innerText()

  await page.locator('#wait').click()
  t.match(await page.locator('#wait').innerText(), 'Waiting 18 s')
  await page.clock.runFor(17_000)
  example.pass(31)
  t.equal(await page.locator('.story-title').first().innerText(), 'Open a fortune cookie', 'not yet')
  await page.clock.runFor(1_400)
  t.same(await newestStory(page, 'Repeated with the new token'), [
    'Wait for expiry, then open a fortune cookie', '401 GET /api/fortune', '200 POST /auth/refresh', '200 GET /api/fortune'
  ])
  t.match(await page.getByRole('timer').innerText(), '30')
  t.not(await page.locator('#fact-token').innerText(), firstToken)

  await page.getByRole('button', { name: 'Log out' }).click()
  await page.locator('#sign-in').waitFor()
  t.same(await newestStory(page, 'deleted on the server'), ['Log out', '204 POST /auth/logout'])
  await page.getByRole('button', { name: 'Call the guarded route anyway' }).click()
  t.match(await newestStory(page, '401'), ['Call without logging in', '401 GET /api/fortune'])
  await page.reload()
  t.same(await newestStory(page, 'nobody is signed in'), ['Load the page', '401 POST /auth/refresh'])
})

visit({ name: 'waiting for expiry can be stopped' }, async (t, page) => {
  await stopClock(page)
  await logIn(page)
  await page.locator('#wait').click()
  await page.locator('#wait').click()
  await page.clock.runFor(40_000)
  t.equal(await page.locator('#wait').innerText(), 'Wait for expiry, then open one')
  t.equal(await page.locator('#pass-state').innerText(), 'expired')
  t.equal(await page.locator('.story-title').first().innerText(), 'Log in')
})

visit({ name: 'a wrong password is said, and the form is still there' }, async (t, page) => {
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').filter({ hasText: 'do not go together' }).waitFor()
  t.same(await newestStory(page, 'Refused'), ['Log in', '401 POST /auth/login'])
})

visit({ name: 'a reload keeps the person signed in, by a cookie that no script can read' }, async (t, page) => {
  await logIn(page)
  await page.reload()
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.same(await newestStory(page, '/api/me'), ['Load the page', '200 POST /auth/refresh', '200 GET /api/me'])
  t.equal(await page.evaluate('document.cookie'), '')
  t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0)
  t.match(await page.context().cookies(), [{ name: '__Host-Http-refresh_token', httpOnly: true, secure: true, sameSite: 'Strict', path: '/' }])
})

visit({ name: 'a server that is down signs nobody out, and its restart is not noticed' }, async (t, page, example) => {
  await logIn(page)
  const call = page.getByRole('button', { name: 'Open a fortune cookie' })

  await example.stop()
  await call.click()
  t.same(await newestStory(page, 'No answer came'), ['Open a fortune cookie', '— GET /api/fortune'])
  t.equal(await page.locator('#status').innerText(), 'The server could not be reached')
  t.ok(await page.locator('#pass').isVisible())

  await example.start()
  await example.listen()
  example.pass(31)
  await call.click()
  t.same(await newestStory(page, 'Repeated'), ['Open a fortune cookie', '401 GET /api/fortune', '200 POST /auth/refresh', '200 GET /api/fortune'])
})

visit({ name: 'a page that loads while the server does not answer can try again' }, async (t, page, example) => {
  await logIn(page)
  await page.route('**/auth/refresh', (route) => route.abort())
  await page.reload()
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor()
  await page.unroute('**/auth/refresh')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.notOk(await page.locator('#unreachable').isVisible())
})

visit({ name: 'everything can be done by keyboard, and the focus goes along' }, async (t, page) => {
  const focused = () => page.evaluate('document.activeElement.id')
  const press = async (...keys: string[]) => { for (const key of keys) await page.keyboard.press(key) }
  await press('Tab', 'Enter')
  t.equal(await focused(), 'login')
  await press('Enter')
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.equal(await focused(), 'pass-name')
  await press('Tab', 'Enter')
  t.same(await newestStory(page, '/api/fortune'), ['Open a fortune cookie', '200 GET /api/fortune'])
  await press('Tab', 'Tab', 'Enter')
  await page.locator('#sign-in').waitFor()
  t.equal(await focused(), 'sign-in-title')
})

for (const colorScheme of ['light', 'dark'] as const) {
  visit({ name: `axe finds no barrier in any state of the page (${colorScheme})`, colorScheme }, async (t, page) => {
    const barriers = async () => {
      await page.evaluate(axe)
      return page.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))')
    }
    t.same(await barriers(), [], 'signed out')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('User name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await newestStory(page, 'Refused')
    t.same(await barriers(), [], 'refused')
    await logIn(page)
    await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
    await newestStory(page, '/api/fortune')
    t.same(await barriers(), [], 'signed in')
    await page.locator('#pass').evaluate((pass) => { pass.setAttribute('data-vigour', 'expired') })
    t.same(await barriers(), [], 'expired')
  })
}

for (const width of [320, 360, 1280]) {
  visit({ name: `nothing has to be scrolled sideways at ${width} pixels`, viewport: { width, height: 740 } }, async (t, page) => {
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    t.equal(await overflow(), 0, 'signed out')
    await logIn(page)
    await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
    await newestStory(page, '/api/fortune')
    t.equal(await overflow(), 0, 'signed in')
  })
}
