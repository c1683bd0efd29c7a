// Whatever is sent, nothing crashes, nothing is a 5xx, every error has Fastify's form and nobody gets in.
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { ada, buildApp } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

const COOKIE = '__Host-Http-refresh_token'
const RUNS = { numRuns: 500 }

/** What a header can hold: any byte but control characters, in the one-byte strings that Node.js makes of headers. */
const headerText = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 300 })
const segment = fc.oneof(fc.base64String({ maxLength: 200 }).map((text) => text.replace(/=/g, '')), fc.json().map((json) => Buffer.from(json).toString('base64url')), headerText)
const tokenish = fc.oneof(headerText, fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('.')))
const ROUTES = [['POST', '/auth/login'], ['POST', '/auth/refresh'], ['POST', '/auth/logout'], ['GET', '/me'], ['GET', '/auth/sessions'], ['DELETE', '/auth/sessions'], ['DELETE', '/auth/sessions/x'], ['GET', '/optional']] as const
const route = fc.constantFrom(...ROUTES)

async function start (t: Test) {
  const store = new CountingStore()
  const host = await buildApp(t, { refreshTokenStore: store, refreshToken: { transport: 'both' } }, {
    after (app) { app.get('/optional', { onRequest: app.authorize({ optional: true }) }, async ({ authOrNull }) => ({ auth: authOrNull })) }
  })
  return { ...host, store }
}

/** Throws unless the answer is a refusal in the form of every other. */
function assertRefused ({ statusCode, headers, body }: LightMyRequestResponse): void {
  if (statusCode < 400 || statusCode > 499) throw new Error(`status ${statusCode}: ${body}`)
  const error = JSON.parse(body) as Record<string, unknown>
  if (error['statusCode'] !== statusCode || typeof error['error'] !== 'string' || typeof error['message'] !== 'string') throw new Error(`not an error of Fastify's: ${body}`)
  if (statusCode !== 404 && !String(error['code']).startsWith('FST_')) throw new Error(`no code: ${body}`)
  if (statusCode === 401 && 'set-cookie' in headers && !String(headers['set-cookie']).includes('Max-Age=0')) throw new Error('a cookie was set')
}

t.test('any Authorization header', async (t) => {
  const { app, store } = await start(t)
  const scheme = fc.constantFrom('Bearer ', 'bearer ', 'Bearer', 'Bearer\t', 'Basic ', 'DPoP ', '')
  await fc.assert(fc.asyncProperty(scheme, tokenish, async (scheme, text) => {
    assertRefused(await app.inject({ url: '/me', headers: { authorization: scheme + text } }))
  }), RUNS)
  t.same(store.take(), [], 'no store call')
})

t.test('any change to a good token', async (t) => {
  const { app } = await start(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const token = browser.accessToken as string
  const edit = fc.tuple(fc.nat(token.length), fc.nat(5), fc.oneof(headerText, fc.constant('')))
  await fc.assert(fc.asyncProperty(edit, async ([at, length, text]) => {
    const changed = token.slice(0, at) + text + token.slice(at + length)
    fc.pre(changed !== token)
    assertRefused(await app.inject({ url: '/me', headers: { authorization: `Bearer ${changed}` } }))
  }), RUNS)
})

t.test('any Cookie header', async (t) => {
  const { app, store } = await start(t)
  const name = fc.constantFrom(COOKIE, COOKIE.toLowerCase(), ` ${COOKIE}`, `${COOKIE} `, `"${COOKIE}"`, '__proto__', 'constructor', '')
  const pair = fc.oneof(headerText, fc.tuple(name, fc.constantFrom('=', ' = ', '==', ''), tokenish).map((parts) => parts.join('')))
  const cookie = fc.array(pair, { maxLength: 8 }).map((pairs) => pairs.join('; '))
  await fc.assert(fc.asyncProperty(cookie, fc.constantFrom('refresh', 'logout'), async (cookie, action) => {
    const response = await app.inject({ method: 'POST', url: `/auth/${action}`, headers: { cookie } })
    if (action === 'refresh') assertRefused(response)
    else if (response.statusCode !== 204) throw new Error(`status ${response.statusCode}`)
  }), RUNS)
  t.same(store.take(), [], 'no store call')
})

t.test('any body of any type', async (t) => {
  const { app, store } = await start(t)
  const type = fc.oneof(fc.constantFrom('application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;', 'text/plain', 'multipart/form-data; boundary=x', ''), headerText)
  const key = fc.oneof(fc.constantFrom('username', 'password', 'refreshToken', '__proto__', 'constructor'), fc.string())
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.dictionary(key, fc.jsonValue()).map((object) => JSON.stringify(object)),
    fc.record({ username: fc.jsonValue(), password: fc.jsonValue() }).map((object) => JSON.stringify(object)),
    fc.record({ refreshToken: fc.oneof(tokenish, fc.jsonValue()) }).map((object) => JSON.stringify(object)))
  await fc.assert(fc.asyncProperty(fc.constantFrom('login', 'refresh', 'logout'), type, body, async (action, type, payload) => {
    const response = await app.inject({ method: 'POST', url: `/auth/${action}`, payload, headers: { 'content-type': type } })
    if (action !== 'logout' || response.statusCode !== 204) assertRefused(response)
    if (response.headers['cache-control'] !== 'no-store') throw new Error('cacheable')
  }), RUNS)
  t.same(store.take(), [], 'no store call')
})

t.test('any other header, on any route', async (t) => {
  const { app } = await start(t)
  const name = fc.constantFrom('origin', 'sec-fetch-site', 'host', 'content-type', 'content-length', 'accept', 'token-transport', 'x-forwarded-for', 'x-forwarded-host', 'cookie', 'user-agent', 'transfer-encoding')
  await fc.assert(fc.asyncProperty(route, fc.dictionary(name, headerText), async ([method, url], headers) => {
    const response = await app.inject({ method, url, headers })
    if (response.statusCode >= 500) throw new Error(`status ${response.statusCode}: ${response.body}`)
    if (response.statusCode >= 400) assertRefused(response)
  }), RUNS)
})

t.test('any path and query', async (t) => {
  const { app } = await start(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const authorization = `Bearer ${browser.accessToken}`
  const rest = fc.array(fc.oneof(fc.constantFrom('/', '..', '%2f', '%00', '%', '?', '&', 'others=', 'true', '[]', '__proto__'), fc.string({ maxLength: 20 }).map(encodeURIComponent)), { maxLength: 8 }).map((parts) => parts.join(''))
  await fc.assert(fc.asyncProperty(fc.constantFrom('GET', 'DELETE'), rest, async (method, rest) => {
    const { statusCode, body } = await app.inject({ method, url: `/auth/sessions/${rest}`, headers: { authorization } } as InjectOptions)
    if (statusCode >= 500) throw new Error(`status ${statusCode}: ${body}`)
  }), RUNS)
  const sessions = await app.tokenAuth.sessions('u-ada')
  t.equal(sessions.length, 1, 'the session still stands')
})

t.test('any bytes on the wire', async (t) => {
  const { app } = await start(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const bytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
  const line = fc.oneof(bytes, fc.constantFrom('Authorization: Bearer ', `Cookie: ${COOKIE}=`, 'Content-Type: application/json', 'Content-Length: 2', 'Transfer-Encoding: chunked', 'Host: x', '').map((text) => Buffer.from(text)))
  await fc.assert(fc.asyncProperty(route, fc.array(fc.tuple(line, bytes), { maxLength: 5 }), async ([method, url], lines) => {
    const socket = connect(port, '127.0.0.1')
    const request = [Buffer.from(`${method} ${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`), ...lines.flatMap(([line, more]) => [line, more, Buffer.from('\r\n')]), Buffer.from('\r\n')]
    let answer = ''
    socket.setEncoding('latin1').on('data', (chunk) => { answer += chunk }).on('error', () => {}).end(Buffer.concat(request))
    await once(socket, 'close')
    if (!/^(?:HTTP\/1\.1 (?:[24]\d\d) |$)/.test(answer)) throw new Error(answer)
  }), { numRuns: 200 })
  t.equal((await fetch(`http://127.0.0.1:${port}/me`)).status, 401, 'the server is still there')
})
