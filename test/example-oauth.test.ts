// Log in with an OIDC provider: the whole way in a real browser, across sites, and every way in which it can go wrong.
import { decodeJwt } from 'jose'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startProvider } from '../examples/oauth-provider.ts'
import { build } from '../examples/oauth.ts'
import './fixtures/auth-secret.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { freePort } from './fixtures/free-port.ts'

const COOKIE = '__Host-Http-refresh_token'
let browser: Browser

t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

async function start (t: Test) {
  const provider = await startProvider({ callbackPath: '/login/callback' })
  // the app has to know its origin before it listens
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const app = await build({ ...provider, origin })
  t.teardown(async () => {
    await app.close()
    await provider.close()
  })
  return { app, provider, port, origin }
}

/** A page of the app in a profile of its own. The app is at localhost, the provider at 127.0.0.1: another site. */
async function visit (t: Test, { app, port, origin }: Awaited<ReturnType<typeof start>>): Promise<{ page: Page, url: string }> {
  await app.listen({ port })
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  const url = `${origin}/`
  await page.goto(url)
  return { page, url }
}

const says = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()

t.test('log in, reload, log out, log in again as the same person', async (t) => {
  const example = await start(t)
  const { page, url } = await visit(t, example)
  await says(page, 'Not logged in')

  const landing = page.waitForRequest((request) => request.url() === url && request.redirectedFrom() !== null)
  const refresh = page.waitForRequest((request) => request.url() === `${url}auth/refresh` && request.method() === 'POST')
  await page.getByRole('link', { name: 'Log in' }).click()
  t.match(page.url(), example.provider.issuer)
  await page.getByRole('button', { name: 'Ada Lovelace' }).click()
  await says(page, 'Logged in as Ada Lovelace')
  t.equal(page.url(), url, 'neither code nor state stays in the address')

  const [landed, refreshed] = [await (await landing).allHeaders(), await (await refresh).allHeaders()]
  t.equal(landed['sec-fetch-site'], 'cross-site')
  t.notMatch(landed['cookie'] ?? '', COOKIE, 'the page itself is asked for without the cookie')
  t.match(refreshed['cookie'], COOKIE, 'the refresh that it makes has it')
  t.match((await page.context().cookies()).filter(({ name }) => name === COOKIE), [{ httpOnly: true, secure: true, sameSite: 'Strict' }])
  t.same((await page.context().cookies(url)).map(({ name }) => name), [COOKIE], 'state and verifier are gone')

  await page.reload()
  await says(page, 'Logged in as Ada Lovelace')
  const first = await userId(page)

  await page.getByRole('button', { name: 'Log out' }).click()
  await says(page, 'Not logged in')
  await page.getByRole('link', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Ada Lovelace' }).click()
  await says(page, 'Logged in as Ada Lovelace')
  t.equal(await userId(page), first)
})

t.test('another account at the provider is another person', async (t) => {
  const { page } = await visit(t, await start(t))
  const ids = []
  for (const name of ['Ada Lovelace', 'Grace Hopper']) {
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByRole('button', { name }).click()
    await says(page, `Logged in as ${name}`)
    ids.push(await userId(page))
    await page.getByRole('button', { name: 'Log out' }).click()
    await says(page, 'Not logged in')
  }
  t.not(ids[0], ids[1])
})

/** Whom the cookie of the page belongs to. */
async function userId (page: Page): Promise<string | undefined> {
  const token = await page.evaluate(async () => (await (await fetch('/auth/refresh', { method: 'POST' })).json()).accessToken as string)
  return decodeJwt(token).sub
}

t.test('who cancels at the provider is back at the page, not logged in', async (t) => {
  const { page, url } = await visit(t, await start(t))
  await page.getByRole('link', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await says(page, 'That did not work')
  t.same(await page.context().cookies(url), [])
})

t.test('a callback that this browser has not asked for logs nobody in', async (t) => {
  const { app } = await start(t)
  const begun = await app.inject('/login')
  const state = new URL(String(begun.headers.location)).searchParams.get('state') as string
  const cookies = Object.fromEntries(begun.cookies.map(({ name, value }) => [name, value]))
  t.match(begun.cookies, [{ name: /^__Host-/, secure: true, httpOnly: true }, { name: /^__Host-/, secure: true, httpOnly: true }])

  for (const [name, query, jar] of [
    ['no state', 'code=x', cookies],
    ['the state of another browser', `code=x&state=${state}`, {}],
    ['a code that the provider has not given out', `code=x&state=${state}`, cookies]
  ] as const) {
    const response = await app.inject({ url: `/login/callback?${query}`, cookies: jar })
    t.equal(response.statusCode, 303, name)
    t.equal(response.headers.location, '/?failed', name)
    t.notOk(response.cookies.some((cookie) => cookie.name === COOKIE), name)
  }
})

t.test('a forged Host header does not change where the provider sends the code', async (t) => {
  const { app, origin } = await start(t)
  const begun = await app.inject({ url: '/login', headers: { host: 'evil.example.com' } })
  t.equal(new URL(String(begun.headers.location)).searchParams.get('redirect_uri'), `${origin}/login/callback`)
})

t.test('a server that cannot say who is logged in has not said that nobody is: the page asks again', async (t) => {
  const { page } = await visit(t, await start(t))
  await says(page, 'Not logged in')
  await page.clock.install()
  await page.route('**/auth/refresh', (route) => route.fulfill({ status: 503, headers: { 'retry-after': '5' }, json: { message: 'Try again' } }))
  await page.reload()
  await says(page, 'Try again')
  t.notOk(await page.getByRole('link', { name: 'Log in' }).isVisible())
  await page.unroute('**/auth/refresh')
  await page.clock.runFor(5_000)
  await says(page, 'Not logged in')
  t.ok(await page.getByRole('link', { name: 'Log in' }).isVisible())
})

t.test('the guarded route is guarded, and there is no log-in with a password', async (t) => {
  const { app } = await start(t)
  t.equal((await app.inject('/me')).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'ada', password: 'x' } })).statusCode, 404)
})
