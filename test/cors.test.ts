// The recipe of docs/cors.md: pages of the listed origins log in, refresh and log out across origins, in a real Chromium; others neither read nor cause anything.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { MemoryStore, type TokenAuthOptions } from 'fastify-token-auth'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { ada, SECRET, userVerifier } from './fixtures/app.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { registerWithCors } from './fixtures/cors-recipe.ts'

const PAGES = ['https://app.example.com']
const EVIL = 'https://evil.example'

async function build (t: Test, pages: string[], options: Partial<TokenAuthOptions> = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  await registerWithCors(app, pages, { secret: SECRET, userVerifier, refreshTokenStore: new MemoryStore(), ...options })
  app.get('/me', { onRequest: app.authenticate }, async ({ auth }) => ({ id: auth.userId }))
  return app
}

t.test('docs/cors.md shows the recipe', async (t) => {
  const lines = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8').split('\n').map((line) => line.trim()).join('\n')
  const [, recipe] = /^```ts\n(.*?)\n```$/ms.exec(lines('../docs/cors.md')) as unknown as [string, string]
  t.ok(lines('fixtures/cors-recipe.ts').includes(recipe))
})

t.test('preflights are answered to listed origins', async (t) => {
  const app = await build(t, PAGES)
  for (const [method, url, headers] of [['POST', '/auth/login', 'content-type'], ['POST', '/auth/refresh', 'content-type,token-transport'], ['POST', '/auth/logout', 'content-type'], ['GET', '/me', 'authorization'], ['DELETE', '/auth/sessions', 'authorization']] as const) {
    const preflight = async (origin: string) => await app.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers } })
    const answer = await preflight(PAGES[0] as string)
    t.equal(answer.statusCode, 204)
    t.match(answer.headers, { 'access-control-allow-origin': PAGES[0], 'access-control-allow-credentials': 'true', 'access-control-allow-headers': headers, 'access-control-max-age': '600' })
    t.ok(String(answer.headers['access-control-allow-methods']).split(', ').includes(method))
    t.equal((await preflight(EVIL)).headers['access-control-allow-origin'], undefined)
  }
})

t.test('every answer can be read by listed origins, errors too, and caches keep origins apart', async (t) => {
  const app = await build(t, PAGES)
  const post = async (url: string, origin: string, payload: object) => await app.inject({ method: 'POST', url, payload, headers: { origin, 'sec-fetch-site': 'same-site' } })
  for (const [url, payload, status] of [['/auth/login', ada, 200], ['/auth/login', {}, 400], ['/auth/login', { ...ada, password: 'x' }, 401], ['/auth/refresh', {}, 401], ['/auth/logout', {}, 204]] as const) {
    const answer = await post(url, PAGES[0] as string, payload)
    t.equal(answer.statusCode, status)
    t.match(answer.headers, { 'access-control-allow-origin': PAGES[0], 'access-control-allow-credentials': 'true', 'access-control-expose-headers': 'www-authenticate, retry-after' })
    t.same(String(answer.headers['vary']).split(', '), ['Origin', 'Sec-Fetch-Site'])
    const evil = await post(url, EVIL, payload)
    t.equal(evil.statusCode, 403)
    t.equal(evil.headers['access-control-allow-origin'], undefined)
    t.equal(evil.headers['set-cookie'], undefined)
  }
  t.match((await app.inject({ url: '/me', headers: { origin: PAGES[0] as string } })).headers, { 'access-control-allow-origin': PAGES[0], 'www-authenticate': 'Bearer' })
})

t.test('in a real Chromium', async (t) => {
  const browser = await launchChromium()
  t.teardown(() => browser.close())

  /** An empty page, and what a script in it is answered by the API. */
  async function openPage (t: Test, host: string) {
    const server = createServer((request, response) => { response.setHeader('content-type', 'text/html').end('<!doctype html><title>page</title>') }).listen(0, host)
    await once(server, 'listening')
    t.teardown(() => { server.closeAllConnections(); server.close() })
    return `http://${host}:${(server.address() as AddressInfo).port}`
  }

  async function visit (browser: Browser, page: string, api: string) {
    const context = await browser.newContext()
    const tab = await context.newPage()
    await tab.goto(page)
    const call = async (url: string, init: RequestInit = {}) => await tab.evaluate(async ([url, init]) => {
      try {
        const response = await fetch(url as string, init as RequestInit)
        const text = await response.text()
        return { status: response.status, challenge: response.headers.get('www-authenticate'), body: text === '' ? undefined : JSON.parse(text) as Record<string, unknown> }
      } catch {
        return { status: 'blocked', challenge: undefined, body: undefined }
      }
    }, [api + url, init] as const)
    const post = async (url: string, payload?: object) => await call(url, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, ...(payload && { body: JSON.stringify(payload) }) })
    return { context, call, post }
  }

  for (const [name, pageHost, cookie] of [
    ['two origins of one site', 'localhost', {}],
    ['two sites', '127.0.0.1', { sameSite: 'none', partitioned: true }]
  ] as const) {
    await t.test(name, async (t) => {
      const page = await openPage(t, pageHost)
      const app = await build(t, [page], { cookie })
      await app.listen({ host: 'localhost', port: 0 })
      const { context, call, post } = await visit(browser, page, `http://localhost:${(app.server.address() as AddressInfo).port}`)

      const login = await post('/auth/login', ada)
      t.match(login, { status: 200, body: { accessToken: String } })
      t.match(await context.cookies(), [{ name: '__Host-Http-refresh_token', httpOnly: true, secure: true }])
      const authorization = `Bearer ${login.body?.['accessToken']}`
      t.match(await call('/me', { headers: { authorization } }), { status: 200, body: { id: 'u-ada' } })
      t.match(await call('/me', { headers: { authorization: 'Bearer x' } }), { status: 401, challenge: 'Bearer error="invalid_token"' })
      t.match(await post('/auth/refresh'), { status: 200, body: { accessToken: String } })
      t.match(await call('/auth/sessions', { method: 'DELETE', headers: { authorization: 'Bearer x' } }), { status: 401 })
      t.match(await post('/auth/logout'), { status: 204 })
      t.same(await context.cookies(), [])
      t.match(await post('/auth/refresh'), { status: 401 })
      await context.close()
    })
  }

  await t.test('an origin that is not on the list', async (t) => {
    const [page, evil] = [await openPage(t, 'localhost'), await openPage(t, 'localhost')]
    const app = await build(t, [page])
    const answered: string[] = []
    app.addHook('onResponse', async ({ headers }, { statusCode }) => { answered.push(`${statusCode}, ${headers.cookie === undefined ? 'without' : 'with'} the cookie`) })
    await app.listen({ host: 'localhost', port: 0 })
    const { context, call, post } = await visit(browser, page, `http://localhost:${(app.server.address() as AddressInfo).port}`)
    await post('/auth/login', ada)
    const before = await context.cookies()
    const tab = context.pages()[0] as NonNullable<ReturnType<typeof context.pages>[0]>
    await tab.goto(evil)
    t.match(await post('/auth/refresh', {}), { status: 'blocked' }, 'the preflight fails')
    for (const url of ['/auth/refresh', '/auth/logout', '/auth/login']) {
      for (const init of [{ mode: 'no-cors' }, { mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: JSON.stringify(ada) }] as const) {
        answered.length = 0
        t.match(await call(url, { method: 'POST', credentials: 'include', ...init }), { status: 0, body: undefined }, 'an answer that cannot be read')
        t.same(answered, ['403, with the cookie'], 'what needs no preflight arrives, and is refused')
      }
    }
    t.same(await context.cookies(), before)
    t.equal((await app.tokenAuth.sessions('u-ada')).length, 1, 'the session stands')
    await context.close()
  })
})
