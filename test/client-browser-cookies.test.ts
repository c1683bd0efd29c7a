// The refresh cookie in a real Chromium: out of reach of scripts, bound to its host, and sent across origins only where that is allowed.
import cors from '@fastify/cors'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type { CookieOptions } from '../lib/refresh-cookie.ts'
import { ada } from './fixtures/app.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { openTab, startClientApp, type ClientAppOptions, type PageGlobals } from './fixtures/client-app.ts'
import { makeCertificate } from './fixtures/client-certificate.ts'

declare const auth: PageGlobals['auth']

let browser: Browser
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

async function newProfile (t: Test): Promise<BrowserContext> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  t.teardown(() => context.close())
  return context
}

const login = (tab: Page) => tab.evaluate((ada) => auth.login(ada).then(() => 'done', (error) => error.code), ada)

const places: { name: string, host: string, server: () => Promise<object> }[] = [
  { name: 'http://localhost', host: 'localhost', server: async () => ({}) },
  { name: 'http://127.0.0.1', host: '127.0.0.1', server: async () => ({}) },
  { name: 'https', host: 'localhost', server: async () => ({ https: await makeCertificate() }) }
]
for (const { name, host, server } of places) {
  t.test(`on ${name}: __Host-Http-, HttpOnly, Secure, SameSite=Strict, for this host alone`, async (t) => {
    const context = await newProfile(t)
    const tab = await openTab(context, await startClientApp(t, { host, server: await server() }))
    await login(tab)
    const [cookie, ...more] = await context.cookies()
    t.match(cookie, { name: '__Host-Http-refresh_token', httpOnly: true, secure: true, sameSite: 'Strict', path: '/', domain: host })
    t.strictSame(more, [])
    t.equal(await tab.evaluate(() => document.cookie), '', 'no script can read it')
    t.equal(await tab.evaluate(async () => {
      document.cookie = '__Host-Http-refresh_token=planted; Path=/; Secure'
      return auth.restore()
    }), 'signed-in', 'no script can overwrite it')
    await tab.evaluate(() => auth.logout())
    t.strictSame(await context.cookies(), [])
  })
}

t.test('nothing private is in any storage that a script can read', async (t) => {
  const tab = await openTab(await newProfile(t), await startClientApp(t))
  await login(tab)
  const stored = await tab.evaluate(async () => {
    const page = globalThis as unknown as { localStorage: object, sessionStorage: object, indexedDB: { databases (): Promise<unknown[]> }, caches: { keys (): Promise<unknown[]> } }
    return [{ ...page.localStorage }, { ...page.sessionStorage }, await page.indexedDB.databases(), await page.caches.keys()]
  })
  t.strictSame(stored, [{}, {}, [], []])
})

/** A page of one origin and the API of another. */
async function twoOrigins (t: Test, { pageHost = 'localhost', isAllowed, plugin = {} }: { pageHost?: string, isAllowed: boolean, plugin?: ClientAppOptions['plugin'] }) {
  const page = await startClientApp(t, { host: pageHost, server: { https: await makeCertificate() } as object })
  const api = await startClientApp(t, {
    server: { https: await makeCertificate() } as object,
    plugin: { ...plugin, allowedOrigins: isAllowed ? [page.origin] : [] },
    before: (app) => app.register(cors, { origin: page.origin, credentials: true, methods: ['GET', 'POST', 'DELETE'], exposedHeaders: ['WWW-Authenticate', 'Retry-After'] })
  })
  const context = await newProfile(t)
  return { api, context, tab: await openTab(context, page, { baseUrl: api.origin }).catch((error: Error) => error) }
}

t.test('an API of another origin on the same site: log in, refresh, log out', async (t) => {
  const { api, tab, context } = await twoOrigins(t, { isAllowed: true })
  if (tab instanceof Error) throw tab
  t.equal(await login(tab), 'done')
  api.pass(61)
  t.equal(await tab.evaluate(async () => (await auth.fetch('/api/me')).status), 200)
  t.equal(api.count('POST /auth/refresh'), 2)
  await tab.evaluate(() => auth.logout())
  t.strictSame(await context.cookies(), [])
})

t.test('an API that has not allowed the origin: refused before anything is read', async (t) => {
  const { tab } = await twoOrigins(t, { isAllowed: false })
  t.match(tab, { message: /Cross-origin request refused/ })
})

t.test('an API on another site: a session lasts only with a cookie made for that', async (t) => {
  const cookies: { cookie: CookieOptions, status: number }[] = [
    { cookie: {}, status: 401 },
    { cookie: { sameSite: 'none', partitioned: true }, status: 200 }
  ]
  for (const { cookie, status } of cookies) {
    const { tab, api } = await twoOrigins(t, { pageHost: '127.0.0.1', isAllowed: true, plugin: { cookie } })
    if (tab instanceof Error) throw tab
    t.equal(await login(tab), 'done')
    api.pass(61)
    t.equal(await tab.evaluate(async () => (await auth.fetch('/api/me')).status), status, JSON.stringify(cookie))
  }
})

t.test('a request to a third origin, also by a redirect, carries neither token nor cookie', async (t) => {
  const server = await startClientApp(t, {
    before (app) {
      app.get('/redirect', (request, reply) => { reply.redirect((request.query as { to: string }).to) })
    }
  })
  let headers: object = {}
  const other = await startClientApp(t, {
    before (app) {
      app.register(cors, { origin: true })
      app.get('/third', (request, reply) => {
        headers = request.headers
        reply.code(401).header('www-authenticate', 'Bearer').send()
      })
    }
  })
  const tab = await openTab(await newProfile(t), server)
  await login(tab)
  for (const address of [`${other.origin}/third`, `/redirect?to=${other.origin}/third`]) {
    t.equal(await tab.evaluate(async (address) => (await auth.fetch(address)).status, address), 401)
    t.notOk('authorization' in headers || 'cookie' in headers, address)
  }
  t.equal(server.count('POST /auth/refresh'), 1, 'that of the page load')
})
