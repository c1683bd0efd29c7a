// Step-up: what matters takes a fresh log-in, a refresh does not make one, and the page goes on where it was.
import t, { type Test } from 'tap'
import { build } from '../examples/step-up.ts'
import { minutes, seconds, TestClock } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { Browser } from './fixtures/browser.ts'
import { launchChromium } from './fixtures/chromium.ts'

const ADA = { username: 'ada', password: 'analytical-engine' }

async function start (t: Test) {
  const clock = new TestClock()
  const app = await build({ clock: clock.now })
  t.teardown(() => app.close())
  const browser = new Browser(app)
  const transfer = (amount = 10) => browser.request('POST', '/transfer', { payload: { to: 'grace', amount } })
  return { app, clock, browser, transfer }
}

t.test('fresh for a minute, and a refresh does not make it longer', async (t) => {
  const { browser, clock, transfer } = await start(t)
  await browser.login(ADA)
  clock.advance(seconds(60))
  t.equal((await transfer()).json().balance, 90)
  clock.advance(seconds(1))
  await browser.refresh()
  const refused = await transfer()
  t.equal(refused.statusCode, 401)
  t.equal(refused.json().code, 'FST_TOKEN_AUTH_LOGIN_TOO_OLD')
  t.equal(refused.headers['www-authenticate'], 'Bearer error="insufficient_user_authentication", max_age="60"')
  t.same((await browser.request('GET', '/account')).json(), { username: 'ada', balance: 90 }, 'the rest goes on as before')
  await browser.login(ADA)
  t.equal((await transfer()).json().balance, 80)
  t.equal((await transfer(81)).statusCode, 409)
})

t.test('a session that was ended elsewhere moves no money, fresh or not', async (t) => {
  const { app, browser, transfer } = await start(t)
  await browser.login(ADA)
  await app.tokenAuth.revokeUser('p-1815')
  t.equal((await transfer()).json().code, 'FST_TOKEN_AUTH_SESSION_REVOKED')
})

t.test('the page asks for the password and sends the same again; who cancels has sent nothing', async (t) => {
  const { app, clock } = await start(t)
  const { port } = new URL(await app.listen({ port: 0 }))
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())
  const page = await chromium.newPage()
  const requests: string[] = []
  page.on('response', (response) => { requests.push(`${response.status()} ${new URL(response.url()).pathname}`) })
  const click = (name: string) => page.getByRole('button', { name }).click()
  const says = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()
  await page.goto(`http://localhost:${port}/`)

  await page.getByLabel('Name').fill(ADA.username)
  await page.getByLabel('Password', { exact: true }).fill(ADA.password)
  await click('Log in')
  await says('ada has 100')
  await click('Send')
  await says('ada has 90. 10 sent to Grace')

  // the access token has expired as well
  clock.advance(minutes(20))
  requests.length = 0
  await click('Send')
  await page.getByLabel('Your password once more').fill(ADA.password)
  await click('Go on')
  await says('ada has 80. 10 sent to Grace')
  t.same(requests, ['401 /transfer', '200 /auth/refresh', '401 /transfer', '200 /auth/login', '200 /transfer', '200 /account'])

  clock.advance(minutes(2))
  await click('Send')
  await click('Cancel')
  await says('ada has 80. A more recent log-in is required')

  requests.length = 0
  await click('Send')
  await page.getByLabel('Your password once more').fill('wrong')
  await click('Go on')
  await page.waitForResponse((response) => response.url().endsWith('/account'))
  await says('ada has 80. A more recent log-in is required')
  t.same(requests, ['401 /transfer', '401 /auth/login', '200 /account'], 'signed in as before, and nothing sent')
})
