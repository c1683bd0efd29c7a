// Sign up: the address is confirmed before there is a password, nobody learns who has an account, and who is through is logged in.
import t, { type Test } from 'tap'
import type { Mail } from '../examples/outbox.ts'
import { build } from '../examples/sign-up.ts'
import { minutes, TestClock } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { Browser } from './fixtures/browser.ts'
import { launchChromium } from './fixtures/chromium.ts'

const email = 'ada@example.com'
const password = 'the analytical engine'

async function start (t: Test) {
  const clock = new TestClock()
  const mails: Mail[] = []
  const app = await build({ origin: 'https://app.example.com', clock: clock.now, outbox: { send (mail) { mails.push(mail) } } })
  t.teardown(() => app.close())
  const browser = new Browser(app)
  const post = (url: string, payload: object) => browser.request('POST', url, { payload })
  return {
    app,
    browser,
    clock,
    mails,
    post,
    async signUp (address = email) {
      const response = await post('/sign-up', { email: address })
      await new Promise(setImmediate)
      return response
    },
    token: () => new URL(linkIn(mails)).hash.slice(1)
  }
}

const linkIn = (mails: Mail[]): string => /https?:\S+/.exec(String(mails.at(-1)?.text))?.[0] ?? ''

t.test('from the address to the log-in', async (t) => {
  const { browser, mails, signUp, token, post, clock } = await start(t)
  t.equal((await signUp('Ada@Example.com')).statusCode, 202)
  t.match(mails, [{ to: email, subject: 'Welcome', text: /https:\/\/app\.example\.com\/#[\w-]{43}\n/ }])
  t.equal((await post('/auth/login', { email, password })).statusCode, 401, 'there is no account yet')

  const confirmed = await post('/sign-up/confirm', { token: token(), password })
  t.equal(confirmed.statusCode, 200)
  t.match(confirmed.headers, { 'cache-control': 'no-store', 'set-cookie': /HttpOnly/ })
  t.same((await browser.me()).json(), { email })
  clock.advance(minutes(20))
  t.equal((await browser.refresh()).statusCode, 200)

  await browser.logout()
  t.equal((await post('/auth/login', { email, password: 'the difference engine' })).statusCode, 401)
  t.equal((await post('/auth/login', { email: email.toUpperCase(), password })).statusCode, 200)
})

t.test('a link is good once, for an hour, and for one account only', async (t) => {
  const { signUp, token, post, clock } = await start(t)
  await signUp()
  const first = token()
  await signUp()
  const second = token()
  const answers = await Promise.all([first, second].map((token) => post('/sign-up/confirm', { token, password })))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 401], 'two links at once for one address')
  t.equal((await post('/sign-up/confirm', { token: first, password })).statusCode, 401)

  await signUp('grace@example.com')
  clock.advance(minutes(60))
  t.equal((await post('/sign-up/confirm', { token: token(), password })).statusCode, 401)
  t.equal((await post('/sign-up/confirm', { token: 'guessed', password })).statusCode, 401)
})

t.test('who has an account is told to nobody but its owner', async (t) => {
  const { app, mails, signUp, token, post } = await start(t)
  const unknown = await signUp()
  await post('/sign-up/confirm', { token: token(), password })
  const known = await app.inject({ method: 'POST', url: '/sign-up', payload: { email } })
  t.same([known.statusCode, known.body], [unknown.statusCode, unknown.body])
  await new Promise(setImmediate)
  t.match(mails.at(-1), { to: email, subject: 'You have an account', text: /^((?!#).)*$/s }, 'and no link that changes anything')

  const login = (payload: object) => app.inject({ method: 'POST', url: '/auth/login', payload })
  const [wrong, nobody] = await Promise.all([login({ email, password: 'x' }), login({ email: 'eve@example.com', password: 'x' })])
  t.same([nobody.statusCode, nobody.body], [wrong.statusCode, wrong.body])
})

t.test('nobody can be flooded with mail', async (t) => {
  const { signUp, mails } = await start(t)
  for (let i = 0; i < 5; i++) t.equal((await signUp()).statusCode, 202)
  t.equal((await signUp()).statusCode, 429)
  t.equal((await signUp('ADA@example.com')).statusCode, 429)
  t.equal(mails.length, 5)
  t.equal((await signUp('grace@example.com')).statusCode, 202)
})

t.test('nobody can have mails sent to ever more addresses', async (t) => {
  const { app } = await start(t)
  const post = (address: string, remoteAddress: string) => app.inject({ method: 'POST', url: '/sign-up', payload: { email: address }, remoteAddress })
  for (let i = 0; i < 20; i++) t.equal((await post(`eve${i}@example.com`, '10.0.0.1')).statusCode, 202)
  t.equal((await post(email, '10.0.0.1')).statusCode, 429)
  for (let i = 0; i < 5; i++) t.equal((await post(email, `10.0.1.${i}`)).statusCode, 202, 'others go on')
  t.equal((await post(email, '10.0.1.5')).statusCode, 429, 'many clients together cannot flood one address')
})

t.test('an address that is none, a password that is too short: the link stays good', async (t) => {
  const { signUp, token, post } = await start(t)
  t.equal((await signUp('ada')).statusCode, 400)
  await signUp()
  for (const bad of ['fourteen chars', 'x'.repeat(1025), '']) t.equal((await post('/sign-up/confirm', { token: token(), password: bad })).statusCode, 400)
  t.equal((await post('/sign-up/confirm', { token: token(), password })).statusCode, 200)
})

t.test('the page: sign up, open the link, choose a password, log in', async (t) => {
  const { app, mails } = await start(t)
  const { port } = new URL(await app.listen({ port: 0 }))
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  await page.goto(`http://localhost:${port}/`)
  await page.getByLabel('Your e-mail').fill(email)
  await page.getByRole('button', { name: 'Sign up' }).click()
  await page.getByText('is on its way').waitFor()

  const opened = await browser.newPage()
  await opened.goto(`http://localhost:${port}/${new URL(linkIn(mails)).hash}`)
  t.equal(opened.url(), `http://localhost:${port}/`, 'the token leaves the address bar')
  await opened.getByLabel('New password').fill(password)
  await opened.getByRole('button', { name: 'Go on' }).click()
  await opened.getByText(`Logged in as ${email}`).waitFor()

  await page.getByLabel('E-mail', { exact: true }).fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText(`Logged in as ${email}`).waitFor()
})
