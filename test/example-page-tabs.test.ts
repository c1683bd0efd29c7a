// The demo's page in a real Chromium: tabs in step, the back button, and the list of devices, from which one logs out another.
import type { Page } from 'playwright-core'
import { logIn, newestStory, visits } from './fixtures/example-page.ts'

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'
// Playwright switches off the browser's memory of left pages
const visit = visits({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })

/** Follow the page's own hint. */
async function openSecondTab (page: Page): Promise<Page> {
  const opening = page.context().waitForEvent('page')
  await page.getByRole('link', { name: 'Open a second tab' }).click()
  return opening
}

function devices (page: Page): Promise<string[]> {
  return page.locator('.device-name').allInnerTexts()
}

visit('who logs in or out in one tab has done so in the other', {}, async (t, { page, example }) => {
  const second = await openSecondTab(page)
  await second.locator('#sign-in').waitFor()

  await logIn(second)
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.same(await newestStory(page, 'Logged in, in another tab', '/auth/sessions'), ['tab no request', '200 GET /api/me', '200 GET /auth/sessions'])
  t.equal(await page.locator('#fact-token').innerText(), await second.locator('#fact-token').innerText(), 'one access token')
  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await page.locator('#fortune').waitFor()

  await second.getByRole('button', { name: 'Log out' }).click()
  await page.locator('#sign-in').waitFor()
  t.same(await newestStory(page, 'Logged out, in another tab', 'signed out'), ['tab no request'])
  t.equal(await page.locator('#farewell').innerText(), 'You have logged out in another tab.')
  t.equal(await second.locator('#farewell').innerText(), '', 'who logs out need not be told')

  await logIn(page, 'Grace Hopper')
  await second.getByRole('heading', { name: 'Grace Hopper' }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await second.locator('#sign-in').waitFor()
  await logIn(second)
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  t.notOk(await page.locator('#fortune').isVisible(), 'nothing is left of the time before')
  example.pass(31)
  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await newestStory(page, 'Open a fortune cookie', 'Repeated')
})

visit('one refresh serves both tabs', {}, async (t, { page, example }) => {
  await logIn(page)
  const second = await openSecondTab(page)
  await second.locator('.device').waitFor()

  example.pass(31)
  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await newestStory(page, 'Open a fortune cookie', 'Repeated')
  t.same(await newestStory(second, 'Refreshed, in another tab', 'One refresh'), ['tab no request'])
  await second.getByRole('button', { name: 'Open a fortune cookie' }).click()
  t.same(await newestStory(second, 'Open a fortune cookie', '/api/fortune'), ['200 GET /api/fortune'], 'which needs none of its own')
  t.equal(await page.locator('#fact-token').innerText(), await second.locator('#fact-token').innerText())

  // the second is in the middle of its story when it hears of the refresh
  let letGo = () => {}
  const held = new Promise<void>((resolve) => { letGo = resolve })
  await second.route('**/api/fortune', async (route) => {
    const response = await route.fetch()
    await held
    await route.fulfill({ response })
  }, { times: 1 })
  example.pass(31)
  const answered = second.waitForRequest('**/api/fortune')
  await second.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await answered
  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await newestStory(page, 'Open a fortune cookie', 'Repeated')
  await second.locator('.story').first().getByText('One refresh').waitFor()
  letGo()
  const story = await newestStory(second, 'Open a fortune cookie', 'Repeated')
  t.same(story.sort(), ['200 GET /api/fortune', '401 GET /api/fortune', 'tab no request'], 'and goes on with the token of the other')
})

visit('after a log-out the back button shows nothing private', {}, async (t, { page, context, example }) => {
  // so that the page hears nothing of the log-out
  await context.addInitScript(() => { Reflect.deleteProperty(globalThis, 'BroadcastChannel') })
  await page.reload()
  await logIn(page)
  await page.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await page.locator('#fortune').waitFor()

  await page.goto(`${example.origin}/client.js`)
  const second = await context.newPage()
  await second.goto(example.origin)
  await second.getByRole('button', { name: 'Log out', exact: true }).click()
  await second.locator('#sign-in').waitFor()
  await example.stop()
  await page.goBack({ waitUntil: 'commit' })
  await page.getByRole('heading', { name: 'The server cannot say who you are' }).waitFor()
  t.notOk(await page.locator('#pass').isVisible(), 'nor as long as there is no answer')
  await example.start()
  await example.listen()
  await page.getByRole('button', { name: 'Ask now' }).click()
  await page.locator('#sign-in').waitFor()
  t.same(await newestStory(page, 'Back on this page', 'nobody is signed in'), ['— POST /auth/refresh', '401 POST /auth/refresh'])
  t.same(await page.locator('#pass-name, #pass-role, #devices').allInnerTexts(), ['', '', ''])
  t.notOk(await page.locator('#pass').isVisible())
})

visit('a person sees where they are logged in, and logs another device out', {}, async (t, { page, openDevice }) => {
  await logIn(page)
  t.same(await devices(page), ['Chrome on Linux'])
  t.match(await page.locator('#devices-hint').innerText(), 'Log in from a private window as well')
  t.equal(await page.getByRole('button', { name: /^Log out ./ }).count(), 0, 'for this one, there is another button')

  const phone = await openDevice({ userAgent: IPHONE })
  await logIn(phone)
  t.same((await devices(phone)).sort(), ['Chrome on Linux', 'Safari on iPhone'])
  await page.getByRole('button', { name: 'Look again' }).click()
  await page.getByText('Safari on iPhone').waitFor()
  t.equal(await page.locator('.device', { hasText: 'this one' }).locator('.device-name').innerText(), 'Chrome on Linux')

  await page.getByRole('button', { name: 'Log out Safari on iPhone' }).click()
  const story = await newestStory(page, 'Log out Safari on iPhone', '/auth/sessions')
  t.match(story, [/^204 DELETE \/auth\/sessions\/.{8}…$/, '200 GET /auth/sessions'])
  t.same(await devices(page), ['Chrome on Linux'])
  t.equal(await page.evaluate('document.activeElement.id'), 'look', 'the keyboard stays in the list')

  await phone.getByRole('button', { name: 'Open a fortune cookie' }).click()
  await phone.locator('#sign-in').waitFor()
  t.same(await newestStory(phone, 'Open a fortune cookie', 'Log in again'), ['401 GET /api/fortune', '401 POST /auth/refresh'])
  t.match(await phone.locator('#farewell').innerText(), 'logged out on another device')
  t.equal(await phone.locator('#devices').innerText(), '', 'nothing private is left')
  t.ok(await page.locator('#pass').isVisible(), 'who did it is still signed in')
})

visit('the devices of one person are no business of another', {}, async (t, { page, openDevice }) => {
  await logIn(await openDevice({ userAgent: IPHONE }), 'Grace Hopper')
  await logIn(page)
  t.same(await devices(page), ['Chrome on Linux'])
})
