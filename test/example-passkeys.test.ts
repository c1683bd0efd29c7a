// Passkeys in a real Chromium with a virtual authenticator: sign up, log in, and every answer that must not be believed.
import type { Browser, CDPSession } from 'playwright-core'
import t, { type Test } from 'tap'
import { build } from '../examples/passkeys.ts'
import './fixtures/auth-secret.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { freePort } from './fixtures/free-port.ts'

let browser: Browser
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

async function visit (t: Test, { origin }: { origin?: string } = {}) {
  // the app has to know its origin before it listens
  const port = await freePort()
  const app = await build({ origin: origin ?? `http://localhost:${port}` })
  t.teardown(() => app.close())
  await app.listen({ port })

  const context = await browser.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  const device = await context.newCDPSession(page)
  await device.send('WebAuthn.enable')
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true }
  })
  await page.goto(`http://localhost:${port}/`)
  const says = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()
  const click = (name: string) => page.getByRole('button', { name }).click()
  return {
    app,
    page,
    device,
    authenticatorId,
    says,
    click,
    async signUp (name = 'Ada') {
      await page.getByLabel('Name').fill(name)
      await click('Sign up')
    }
  }
}

/** The device's only passkey. */
async function passkeyOf (device: CDPSession, authenticatorId: string) {
  const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
  return credentials[0] as typeof credentials[number]
}

t.test('sign up, reload, log out, log in without typing a name', async (t) => {
  const { page, says, click, signUp, app, device, authenticatorId } = await visit(t)
  await says('Not logged in')
  await signUp()
  await says('Logged in as Ada')
  t.match(await passkeyOf(device, authenticatorId), { isResidentCredential: true, rpId: 'localhost' })
  t.match(await page.context().cookies(), [{ name: '__Host-Http-refresh_token', httpOnly: true, secure: true, sameSite: 'Strict' }])
  await page.reload()
  await says('Logged in as Ada')
  await click('Log out')
  await says('Not logged in')
  await click('Log in')
  await says('Logged in as Ada')
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('a server that cannot say who is logged in has not said that nobody is: the page asks again', async (t) => {
  const { page, says, signUp } = await visit(t)
  await signUp()
  await says('Logged in as Ada')
  await page.clock.install()
  await page.route('**/auth/refresh', (route) => route.fulfill({ status: 503, headers: { 'retry-after': '5' }, json: { message: 'Try again' } }))
  await page.reload()
  await says('Try again')
  t.notOk(await page.getByRole('button', { name: 'Log in' }).isVisible())
  t.notOk(await page.getByLabel('Name').isVisible())
  await page.unroute('**/auth/refresh')
  await page.clock.runFor(5_000)
  await says('Logged in as Ada')
})

t.test('an answer is good once', async (t) => {
  const { page, app, says, click, signUp } = await visit(t)
  const bodies = new Map<string, string>()
  page.on('request', (request) => { bodies.set(new URL(request.url()).pathname, request.postData() ?? '') })
  await signUp()
  await says('Logged in as Ada')
  await click('Log out')
  await says('Not logged in')
  await click('Log in')
  await says('Logged in as Ada')
  for (const url of ['/sign-up', '/login']) {
    const replayed = await app.inject({ method: 'POST', url, payload: bodies.get(url) ?? '', headers: { 'content-type': 'application/json' } })
    t.equal(replayed.statusCode, 401, url)
    t.equal(replayed.headers['set-cookie'], undefined, url)
  }
})

t.test('the page of another origin, on the same host', async (t) => {
  const { signUp, says, page } = await visit(t, { origin: 'http://localhost:1' })
  await signUp()
  await says('This passkey is not accepted')
  t.same(await page.context().cookies(), [])
})

t.test('a person whom the device has not recognized', async (t) => {
  const { device, authenticatorId, signUp, says, click, page } = await visit(t)
  await signUp()
  await says('Logged in as Ada')
  await click('Log out')
  await says('Not logged in')
  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await click('Log in')
  await page.getByRole('status').filter({ hasNotText: 'Not logged in' }).waitFor()
  t.notMatch(await page.getByRole('status').innerText(), 'Logged in')
  t.same(await page.context().cookies(), [])
})

t.test('a passkey of another site, and the copy of one', async (t) => {
  const { device, authenticatorId, signUp, says, click } = await visit(t)
  await signUp()
  await says('Logged in as Ada')
  await click('Log out')
  await says('Not logged in')
  await click('Log in')
  await says('Logged in as Ada')
  await click('Log out')
  await says('Not logged in')

  const credential = await passkeyOf(device, authenticatorId)
  t.ok(credential.signCount > 1)
  await device.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
  await device.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: credential.signCount - 1 } })
  await click('Log in')
  await says('This passkey is not accepted')

  await device.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
  await device.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, credentialId: Buffer.from('another').toString('base64') } })
  await click('Log in')
  await says('This passkey is not accepted')
})

t.test('what is no answer at all', async (t) => {
  const { app } = await visit(t)
  for (const [url, payload, status] of [
    ['/login', { id: 'unknown', response: {} }, 401],
    ['/sign-up', { id: 'unknown', response: {} }, 401],
    ['/login', {}, 400],
    ['/sign-up', {}, 400],
    ['/sign-up/options', { name: '' }, 400]
  ] as const) t.equal((await app.inject({ method: 'POST', url, payload })).statusCode, status, `${url} ${JSON.stringify(payload)}`)
})
