// The demo's page in a real Chromium: the whole story by clicking, and by keyboard; reload, accessibility, phones.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { logIn, newestStory, stopClock, visits } from './fixtures/example-page.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const visit = visits()

visit('the whole story by clicking, the refresh watched on the page', {}, async (t, { page, example }) => {
  await stopClock(page)

  t.same(await newestStory(page, 'Load the page', 'nobody is signed in'), ['401 POST /auth/refresh'])
  await logIn(page)
  t.same(await newestStory(page, 'Log in', '/auth/sessions'), ['200 POST /auth/login', '200 GET /api/me', '200 GET /auth/sessions'])
  t.equal(await page.getByRole('status').first().innerText(), 'Signed in as Ada Lovelace')

  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  t.same(await newestStory(page, 'Open a fortune cookie', '/api/fortune'), ['200 GET /api/fortune'])
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
  t.same(await newestStory(page, 'Wait for expiry, then open a fortune cookie', 'Repeated with the new token'), ['401 GET /api/fortune', '200 POST /auth/refresh', '200 GET /api/fortune'
  ])
  t.match(await page.getByRole('timer').innerText(), '30')
  t.not(await page.locator('#fact-token').innerText(), firstToken)

  await page.getByRole('button', { name: 'Log out' }).click()
  await page.locator('#sign-in').waitFor()
  t.same(await newestStory(page, 'Log out', 'deleted on the server'), ['204 POST /auth/logout'])
  await page.getByRole('button', { name: 'Call the guarded route anyway' }).click()
  t.same(await newestStory(page, 'Call without logging in', '401'), ['401 GET /api/fortune'])
  await page.reload()
  t.same(await newestStory(page, 'Load the page', 'nobody is signed in'), ['401 POST /auth/refresh'])
})

visit('waiting for expiry can be stopped', {}, async (t, { page }) => {
  await stopClock(page)
  await logIn(page)
  await page.locator('#wait').click()
  await page.locator('#wait').click()
  await page.clock.runFor(40_000)
  t.equal(await page.locator('#wait').innerText(), 'Wait for expiry, then open one')
  t.equal(await page.locator('#pass-state').innerText(), 'expired')
  t.equal(await page.locator('.story-title').first().innerText(), 'Log in')
})

visit('a wrong password is said, and the form is still there', {}, async (t, { page }) => {
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').filter({ hasText: 'do not go together' }).waitFor()
  t.same(await newestStory(page, 'Log in', 'Refused'), ['401 POST /auth/login'])
})

visit('a reload keeps the person signed in, by a cookie that no script can read', {}, async (t, { page }) => {
  await logIn(page)
  await page.reload()
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.same(await newestStory(page, 'Load the page', '/auth/sessions'), ['200 POST /auth/refresh', '200 GET /api/me', '200 GET /auth/sessions'])
  t.equal(await page.evaluate('document.cookie'), '')
  t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0)
  t.match(await page.context().cookies(), [{ name: '__Host-Http-refresh_token', httpOnly: true, secure: true, sameSite: 'Strict', path: '/' }])
})

visit('everything can be done by keyboard, and the focus goes along', {}, async (t, { page }) => {
  const focused = () => page.evaluate('document.activeElement.id')
  const press = async (...keys: string[]) => { for (const key of keys) await page.keyboard.press(key) }
  await press('Tab', 'Enter')
  t.equal(await focused(), 'login')
  await press('Enter')
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.equal(await focused(), 'pass-name')
  await press('Tab', 'Enter')
  t.same(await newestStory(page, 'Open a fortune cookie', '/api/fortune'), ['200 GET /api/fortune'])
  await press('Tab', 'Tab', 'Enter')
  await page.locator('#sign-in').waitFor()
  t.equal(await focused(), 'sign-in-title')
})

for (const colorScheme of ['light', 'dark'] as const) {
  visit(`axe finds no barrier in any state of the page (${colorScheme})`, { colorScheme }, async (t, { page, openDevice }) => {
    const barriers = async () => {
      await page.evaluate(axe)
      return page.evaluate('axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))')
    }
    t.same(await barriers(), [], 'signed out')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('User name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await newestStory(page, 'Log in', 'Refused')
    t.same(await barriers(), [], 'refused')
    await logIn(page)
    await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
    await newestStory(page, 'Open a fortune cookie', '/api/fortune')
    t.same(await barriers(), [], 'signed in')
    await page.locator('#pass').evaluate((pass) => { pass.setAttribute('data-vigour', 'expired') })
    t.same(await barriers(), [], 'expired')

    const other = await openDevice()
    await logIn(other)
    await page.getByRole('button', { name: 'Fail the store' }).click()
    await page.locator('#trouble').waitFor()
    t.same(await barriers(), [], 'the store fails')
    await page.reload()
    await page.locator('#unreachable').waitFor()
    t.same(await barriers(), [], 'and the page was loaded meanwhile')
    await page.locator('.device').nth(1).waitFor()
    t.same(await barriers(), [], 'two devices')
    await other.getByRole('button', { name: /^Log out ./ }).click()
    await other.locator('.device').nth(1).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
    await page.locator('#farewell').waitFor()
    t.same(await barriers(), [], 'logged out from another device')
  })
}

for (const width of [320, 360, 1280]) {
  visit(`nothing has to be scrolled sideways at ${width} pixels`, { viewport: { width, height: 740 } }, async (t, { page, openDevice }) => {
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    t.equal(await overflow(), 0, 'signed out')
    await logIn(await openDevice())
    await logIn(page)
    await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
    await newestStory(page, 'Open a fortune cookie', '/api/fortune')
    t.equal(await overflow(), 0, 'signed in')
    await page.getByRole('button', { name: 'Fail the store' }).click()
    await page.locator('#trouble').waitFor()
    t.equal(await overflow(), 0, 'the store fails')
  })
}
