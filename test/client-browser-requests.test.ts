// Whatever a page of a real Chromium sends through the client arrives whole, also after a refresh; streams over HTTP/2, without which no browser sends them.
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { ada } from './fixtures/app.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { openTab, startClientApp, type PageGlobals } from './fixtures/client-app.ts'
import { makeCertificate } from './fixtures/client-certificate.ts'

declare const auth: PageGlobals['auth']
const REFRESH = 'POST /auth/refresh'

let browser: Browser
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

/** A tab in which ada is signed in, on a server with HTTP/2. */
async function signedIn (t: Test) {
  const server = await startClientApp(t, { server: { http2: true, https: await makeCertificate() } as object })
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  t.teardown(() => context.close())
  const tab = await openTab(context, server)
  await tab.evaluate((ada) => auth.login(ada), ada)
  return { server, context, tab }
}

/** As a script of the page has them. */
const BODIES = {
  json: () => JSON.stringify({ a: 'Ünïcode' }),
  form: () => {
    const form = new FormData()
    form.set('title', 'Ünïcode')
    form.set('file', new Blob(['contents of the file']), 'file.txt')
    return form
  },
  parameters: () => new URLSearchParams({ a: '1' }),
  blob: () => new Blob(['blob'], { type: 'text/csv' }),
  bytes: () => new TextEncoder().encode('bytes'),
  stream: () => new Blob(['from ', 'a stream']).stream()
}

const cases: { body: keyof typeof BODIES, headers?: Record<string, string>, text: string | RegExp, contentType: RegExp }[] = [
  { body: 'json', headers: { 'content-type': 'application/json' }, text: '{"a":"Ünïcode"}', contentType: /^application\/json$/ },
  { body: 'form', text: /Ünïcode[^]*contents of the file/, contentType: /^multipart\/form-data; boundary=/ },
  { body: 'parameters', text: 'a=1', contentType: /urlencoded/ },
  { body: 'blob', text: 'blob', contentType: /^text\/csv$/ },
  { body: 'bytes', headers: { 'content-type': 'application/octet-stream' }, text: 'bytes', contentType: /octet-stream/ },
  { body: 'stream', headers: { 'content-type': 'application/octet-stream' }, text: 'from a stream', contentType: /octet-stream/ }
]

function post (tab: Page, body: keyof typeof BODIES, headers: Record<string, string> = {}) {
  return tab.evaluate(`auth.fetch('/api/echo', { method: 'POST', body: (${BODIES[body].toString()})(), headers: ${JSON.stringify(headers)}, duplex: 'half' })
    .then(async (response) => ({ status: response.status, ...await response.json() }))`)
}

t.test('bodies of all kinds, with a token that lives and with one that has expired', async (t) => {
  const { server, tab } = await signedIn(t)
  for (const { body, headers, text, contentType } of cases) {
    for (const seconds of [0, 61]) {
      server.pass(seconds)
      const refreshes = server.count(REFRESH)
      t.match(await post(tab, body, headers), { status: 200, text, contentType }, `${body} after ${seconds} s`)
      t.equal(server.count(REFRESH) - refreshes, seconds ? 1 : 0)
    }
  }
})

t.test('a Request, which the caller has made', async (t) => {
  const { server, tab } = await signedIn(t)
  server.pass(61)
  const answer = await tab.evaluate(async () => {
    const request = new Request('/api/echo', { method: 'POST', body: 'from a Request', headers: { 'content-type': 'text/plain' } })
    const response = await auth.fetch(request)
    return { ...await response.json(), isTokenInIt: request.headers.has('authorization'), isUsed: request.bodyUsed }
  })
  t.strictSame(answer, { text: 'from a Request', contentType: 'text/plain', isTokenInIt: false, isUsed: true })
})

t.test('a body that is used up is refused before anything is sent', async (t) => {
  const { server, tab } = await signedIn(t)
  const name = await tab.evaluate(async () => {
    const request = new Request('/api/echo', { method: 'POST', body: 'x' })
    await request.text()
    return auth.fetch(request).catch((error) => error.name)
  })
  t.equal(name, 'TypeError')
  t.equal(server.count('POST /api/echo'), 0)
})

t.test('AbortSignal: before, while the request, while the refresh is under way; others are not disturbed', async (t) => {
  const { server, tab } = await signedIn(t)
  t.equal(await tab.evaluate(() => auth.fetch('/api/me', { signal: AbortSignal.abort() }).catch((error) => error.name)), 'AbortError')
  t.equal(server.count('GET /api/me'), 0)

  for (const route of ['GET /api/me', REFRESH]) {
    if (route === REFRESH) server.pass(61)
    const { reached, release } = server.hold(route)
    const calls = tab.evaluate(() => {
      const stop = new AbortController()
      Object.assign(globalThis, { stop })
      return Promise.all([
        auth.fetch('/api/me', { signal: stop.signal }).catch((error) => error.message),
        new Promise((resolve) => setTimeout(resolve)).then(() => auth.fetch('/api/me')).then(({ status }) => status)
      ])
    })
    await reached
    await tab.evaluate(() => { (globalThis as unknown as { stop: AbortController }).stop.abort(new Error('enough')) })
    release()
    t.strictSame(await calls, ['enough', 200], route)
  }
  t.equal(server.count(REFRESH), 2, 'that of the page load, and one')
})

t.test('the stream of a request that is aborted is told to stop', async (t) => {
  const { tab } = await signedIn(t)
  const stopped = await tab.evaluate(() => new Promise((resolve) => {
    const stop = new AbortController()
    const body = new ReadableStream({
      async pull (controller) {
        controller.enqueue(new Uint8Array(1024))
        stop.abort()
      },
      cancel: () => { resolve('stopped') }
    }, { highWaterMark: 0 })
    auth.fetch('/api/echo', { method: 'POST', body, duplex: 'half', signal: stop.signal } as RequestInit)
      .catch(() => setTimeout(() => resolve('goes on'), 1000))
  }))
  t.equal(stopped, 'stopped')
})

t.test('a 401 of the app\'s own is passed through, and a server that answers 401 for ever makes no loop', async (t) => {
  const { server, tab } = await signedIn(t)
  t.strictSame(await tab.evaluate(async () => (await auth.fetch('/api/own-401')).json()), { code: 'OUT_OF_CREDIT' })
  t.equal(server.count(REFRESH), 1, 'that of the page load')
  t.equal(await tab.evaluate(async () => (await auth.fetch('/api/always-401')).status), 401)
  t.equal(server.count('GET /api/always-401'), 2)
  t.equal(server.count(REFRESH), 2)
  t.equal(await tab.evaluate(() => auth.state), 'signed-in')
})
