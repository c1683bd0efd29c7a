// Log in with a link by e-mail: good once and not for long, safe from scanners that open it, and silent about who has an account.
import t, { type Test } from 'tap'
import { build } from '../examples/magic-link.ts'
import type { Mail } from '../examples/outbox.ts'
import { minutes, TestClock } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { Browser } from './fixtures/browser.ts'
import { launchChromium } from './fixtures/chromium.ts'

const ORIGIN = 'https://app.example.com'

async function start (t: Test, origin = ORIGIN) {
  const clock = new TestClock()
  const mails: Mail[] = []
  const app = await build({ origin, clock: clock.now, outbox: { send (mail) { mails.push(mail) } } })
  t.teardown(() => app.close())
  return { app, clock, mails, browser: new Browser(app) }
}

type Started = Awaited<ReturnType<typeof start>>

async function ask ({ browser, mails }: Started, email: string): Promise<string> {
  await browser.request('POST', '/login/link', { payload: { email } })
  await new Promise(setImmediate)
  return linkIn(mails)
}

const linkIn = (mails: Mail[]): string => /https?:\S+/.exec(String(mails.at(-1)?.text))?.[0] ?? ''
const tokenOf = (link: string): string => new URL(link).hash.slice(1)

t.test('the link logs in, once', async (t) => {
  const example = await start(t)
  const { browser } = example
  const link = await ask(example, 'ada@example.com')
  t.equal(example.mails[0]?.to, 'ada@example.com')
  t.match(link, /^https:\/\/app\.example\.com\/#[\w-]{43}$/)

  const login = await browser.request('POST', '/login', { payload: { token: tokenOf(link) } })
  t.equal(login.statusCode, 200)
  t.equal(login.headers['cache-control'], 'no-store')
  t.same((await browser.me()).json(), { id: '1', email: 'ada@example.com' })
  t.equal((await browser.refresh()).statusCode, 200)

  const again = await browser.request('POST', '/login', { payload: { token: tokenOf(link) } })
  t.equal(again.statusCode, 401)
  t.equal(again.headers['set-cookie'], undefined)
})

t.test('of two clicks at once one logs in', async (t) => {
  const example = await start(t)
  const token = tokenOf(await ask(example, 'ada@example.com'))
  const answers = await Promise.all([1, 2, 3].map(() => example.app.inject({ method: 'POST', url: '/login', payload: { token } })))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 401, 401])
})

t.test('it is good for fifteen minutes', async (t) => {
  const example = await start(t)
  const [first, second] = [await ask(example, 'ada@example.com'), await ask(example, 'grace@example.com')]
  example.clock.advance(minutes(15) - 1)
  t.equal((await example.browser.request('POST', '/login', { payload: { token: tokenOf(first) } })).statusCode, 200)
  example.clock.advance(1)
  t.equal((await example.browser.request('POST', '/login', { payload: { token: tokenOf(second) } })).statusCode, 401)
})

t.test('who only opens it, as a mail scanner does, uses nothing up', async (t) => {
  const example = await start(t)
  const link = await ask(example, 'ada@example.com')
  for (const method of ['GET', 'HEAD'] as const) {
    const opened = await example.app.inject({ method, url: link })
    t.equal(opened.statusCode, 200)
    t.equal(opened.headers['set-cookie'], undefined)
  }
  t.equal((await example.browser.request('POST', '/login', { payload: { token: tokenOf(link) } })).statusCode, 200)
})

t.test('the answer does not tell who has an account, nor does the limit', async (t) => {
  const { app, mails } = await start(t)
  const post = (email: string) => app.inject({ method: 'POST', url: '/login/link', payload: { email } })
  for (let i = 0; i < 6; i++) {
    const [known, unknown] = [await post('Ada@Example.com'), await post('eve@example.com')]
    t.equal(known.statusCode, i < 5 ? 202 : 429)
    t.same([unknown.statusCode, unknown.body], [known.statusCode, known.body])
    t.same(Object.keys(unknown.headers), Object.keys(known.headers))
  }
  await new Promise(setImmediate)
  t.same([...new Set(mails.map(({ to }) => to))], ['ada@example.com'], 'nobody else gets mail')
  t.equal(mails.length, 5)
})

t.test('nobody can have mails sent to ever more addresses', async (t) => {
  const { app } = await start(t)
  const post = (email: string, remoteAddress: string) => app.inject({ method: 'POST', url: '/login/link', payload: { email }, remoteAddress })
  for (let i = 0; i < 20; i++) t.equal((await post(`eve${i}@example.com`, '10.0.0.1')).statusCode, 202)
  const refused = await post('ada@example.com', '10.0.0.1')
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal((await post('ada@example.com', '10.0.0.2')).statusCode, 202, 'others go on')
})

t.test('many clients together cannot flood one address', async (t) => {
  const { app } = await start(t)
  const post = (i: number) => app.inject({ method: 'POST', url: '/login/link', payload: { email: 'ada@example.com' }, remoteAddress: `10.0.0.${i}` })
  for (let i = 0; i < 5; i++) t.equal((await post(i)).statusCode, 202)
  const refused = await post(5)
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
})

t.test('what is no link or no address is refused', async (t) => {
  const { browser } = await start(t)
  t.equal((await browser.request('POST', '/login', { payload: { token: 'guessed' } })).statusCode, 401)
  t.equal((await browser.request('POST', '/login', { payload: 'token=guessed', headers: { 'content-type': 'text/plain' } })).statusCode, 400)
  t.equal((await browser.request('POST', '/login', { payload: 'token=guessed', headers: { 'content-type': 'application/x-www-form-urlencoded' } })).statusCode, 415)
  t.equal((await browser.request('POST', '/login/link', { payload: { email: 'ada' } })).statusCode, 400)
})

t.test('the page: ask for a link, open it, click', async (t) => {
  const example = await start(t)
  const { port } = new URL(await example.app.listen({ port: 0 }))
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  await page.goto(`http://localhost:${port}/`)
  await page.getByLabel('E-mail').fill('grace@example.com')
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await page.getByText('a mail with a link is on its way').waitFor()

  const opened = await browser.newPage()
  await opened.goto(`http://localhost:${port}/${new URL(linkIn(example.mails)).hash}`)
  t.equal(opened.url(), `http://localhost:${port}/`, 'the token leaves the address bar')
  await opened.getByRole('button', { name: 'Log in' }).click()
  await opened.getByText('Logged in as grace@example.com').waitFor()
})
