// Canaries: no secret, password, token or cookie ever gets into a log, an error or an event, and no refresh token into a URL or a body.
import { generateKeyPairSync } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import Fastify, { type InjectOptions, type LightMyRequestResponse } from 'fastify'
import tokenAuth, { MemoryStore, type TokenAuthEvent, type TokenAuthOptions } from 'fastify-token-auth'
import t, { type Test } from 'tap'
import { buildApp, minutes, userVerifier } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

const COOKIE = '__Host-Http-refresh_token'
const SECRET = 'canary-secret-that-is-32-bytes-or-more'
const PASSWORD = 'canary-password'

const published: unknown[] = []
subscribe('fastify-token-auth', (message) => { published.push((message as { event: TokenAuthEvent }).event) })

/** The ways in which a text may have been written down. */
const spellings = (text: string) => [text, encodeURIComponent(text), ...(['base64', 'base64url', 'hex'] as const).map((encoding) => Buffer.from(text).toString(encoding).replace(/=+$/, ''))]

/** Everything that happens to an app that goes through thick and thin, and everything that must not show in it. */
async function live (t: Test, options: Partial<TokenAuthOptions> = {}, misfortune: (store: MemoryStore) => void = () => {}) {
  published.length = 0
  const canaries = new Set([SECRET, PASSWORD, 'canary-token', 'canary-cookie'])
  const answers: LightMyRequestResponse[] = []
  const store = new MemoryStore({ clock: () => 0 })
  const { app, clock, logs, events } = await buildApp(t, {
    secret: SECRET,
    userVerifier: { verify: ({ password }) => password === PASSWORD ? { id: 'u-ada' } : null },
    refreshTokenStore: store,
    ...options
  }, {
    after (app) {
      app.get('/unguarded', async ({ auth }) => auth.userId)
      app.get('/admin', { onRequest: app.authorize({ scope: 'admin', maxAge: 1, liveSession: true }) }, async () => 'yes')
      app.get('/live', { onRequest: app.authorize({ liveSession: true }) }, async () => 'yes')
    }
  })
  const browser = new Browser(app)
  const request = async (method: 'GET' | 'POST' | 'DELETE', url: string, options: InjectOptions = {}) => {
    answers.push(await browser.request(method, url, options))
    for (const token of [browser.accessToken, ...browser.cookies.values()]) if (token !== undefined) canaries.add(token).add(token.split('.')[2] as string)
  }
  const json = { 'content-type': 'application/json' }
  const login = { username: 'ada', password: PASSWORD }

  await request('POST', '/auth/login', { payload: login })
  const good = { authorization: `Bearer ${browser.accessToken}`, cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; ') }
  for (const payload of [{ ...login, password: `not the ${PASSWORD}` }, { ...login, username: '' }, { ...login, password: PASSWORD.repeat(100) }, { ...login, password: [PASSWORD] }, { password: PASSWORD }]) await request('POST', '/auth/login', { payload })
  for (const payload of [`{"username":"ada","password":"${PASSWORD}"`, `{"username":"ada","password":"${PASSWORD}",}`, `${PASSWORD}`, `{"__proto__":"${PASSWORD}"}`]) await request('POST', '/auth/login', { payload, headers: json })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', PASSWORD]) await request('POST', '/auth/login', { payload: JSON.stringify(login), headers: { 'content-type': type } })
  for (const authorization of ['Bearer canary-token', 'Bearer canary-token.canary-token.canary-token', 'Basic canary-token', 'canary-token', `${good.authorization}x`]) {
    for (const url of ['/me', '/auth/sessions', '/admin']) await request('GET', url, { headers: { authorization } })
  }
  for (const cookie of [`${COOKIE}=canary-cookie`, `${COOKIE}=canary-cookie; ${good.cookie}x`, `canary-cookie; ${good.cookie.toLowerCase()}`]) {
    for (const url of ['/auth/refresh', '/auth/logout', '/auth/login']) await request('POST', url, { headers: { cookie }, ...(url === '/auth/login' && { payload: login }) })
  }
  for (const payload of [{ refreshToken: 'canary-token' }, { refreshToken: { a: 'canary-token' } }, { refreshToken: 'canary-token'.repeat(500) }, ['canary-token']]) await request('POST', '/auth/refresh', { payload })
  await request('POST', '/auth/refresh', { headers: { 'sec-fetch-site': 'cross-site', ...good } })
  await request('GET', '/unguarded', { headers: good })
  await request('GET', '/nowhere', { headers: good })
  misfortune(store)
  for (const url of ['/auth/login', '/auth/refresh', '/auth/logout']) await request('POST', url, { headers: good, ...(url === '/auth/login' && { payload: login }) })
  for (const url of ['/me', '/admin', '/live', '/auth/sessions']) await request('GET', url, { headers: good })
  await request('DELETE', '/auth/sessions/canary', { headers: good })
  await request('POST', '/auth/login', { payload: login })
  const thief = browser.copy()
  for (let i = 0; i < 4; i++) { await request('POST', '/auth/refresh'); clock.advance(minutes(3)) }
  answers.push(await thief.refresh())
  clock.advance(minutes(20))
  await request('GET', '/me')
  await request('POST', '/auth/login', { payload: login })
  await request('DELETE', '/auth/sessions')
  await request('POST', '/auth/login', { payload: login })
  await request('POST', '/auth/logout')

  const granted = answers.filter(({ statusCode, body }) => statusCode === 200 && body.includes('accessToken'))
  return {
    granted,
    statuses: new Set(answers.map(({ statusCode }) => statusCode)),
    events,
    written: {
      logs: logs.map((line) => JSON.stringify(line)),
      events: events.map((event) => inspect(event, { depth: 9 })),
      published: published.map((event) => inspect(event, { depth: 9 })),
      errors: answers.filter((answer) => !granted.includes(answer) && answer.statusCode >= 400).map(({ headers, body }) => JSON.stringify(headers) + body),
      bodies: granted.map(({ body }) => body.replace(/"accessToken":"[^"]+"/, ''))
    },
    canaries: [...canaries].flatMap(spellings)
  }
}

function leaks ({ written, canaries }: Awaited<ReturnType<typeof live>>): string[] {
  return Object.entries(written).flatMap(([where, texts]) => texts.filter((text) => canaries.some((canary) => text.includes(canary))).map((text) => `${where}: ${text}`))
}

/** Where tokens travel in cookies alone, a body is not looked at; where one may hold a token, all four of those above are refused. */
async function goodDay (t: Test, transport: 'cookie' | 'both', unrotated: number): Promise<void> {
  const life = await live(t, { refreshToken: { transport } })
  t.same(leaks(life), [])
  t.strictSame([...life.statuses].sort(), [200, 204, 400, 401, 403, 404, 415, 500], 'all of this happened')
  t.ok(life.granted.length >= 6)
  t.equal(life.granted.filter(({ headers }) => !('set-cookie' in headers)).length, unrotated, 'so soon after another, a refresh brings no new one')
  for (const { headers } of life.granted.filter(({ headers }) => 'set-cookie' in headers)) t.match(String(headers['set-cookie']).split('; ')[0], /^__Host-Http-refresh_token=/, 'the refresh token travels in the cookie, and nowhere else')
  for (const type of ['login', 'login-failed', 'refresh', 'refresh-rejected', 'reuse-detected', 'session-revoked', 'logout']) t.ok(life.events.some((event) => event.type === type), type)
}

t.test('on a good day', async (t) => { await goodDay(t, 'cookie', 5) })
t.test('on a good day, where a body may hold a token', async (t) => { await goodDay(t, 'both', 2) })

const broken: Record<string, [options: Partial<TokenAuthOptions>, misfortune?: (store: MemoryStore) => void]> = {
  'a store that fails': [{}, (store) => {
    for (const method of ['create', 'advance', 'find', 'delete', 'findByUser', 'deleteByUser'] as const) store[method] = async () => { throw new Error('connection refused') }
  }],
  'a handler that throws': [{ onEvent () { throw new Error('no') } }],
  'claims that are too large': [{ userVerifier: { verify: () => ({ id: 'u-ada' }), findById: (id) => ({ id }) }, accessToken: { claims: () => ({ x: 'x'.repeat(5000) }) } }],
  'a verifier that fails': [{ userVerifier: { ...userVerifier, verify () { throw new Error('no database') } } }],
  'a user without an id': [{ userVerifier: { verify: () => ({}) as { id: string } } }],
  'a description that fails': [{ describeSession () { throw new Error('no') } }]
}

for (const [name, [options, misfortune]] of Object.entries(broken)) {
  t.test(`with ${name}`, async (t) => {
    const life = await live(t, options, misfortune)
    t.same(leaks(life), [])
    t.ok(life.written.logs.some((line) => line.includes('"level":50')), 'it was told of')
  })
}

t.test('a leak would be found', async (t) => {
  const life = await live(t, { onEvent (_event, request) { request?.log.debug({ body: request.body }, 'a careless host') } })
  t.match(leaks(life)[0], /^logs: .*canary-password/)
})

t.test('an error at start-up does not quote the key', async (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const body = privateKey.split('\n').slice(1, 4)
  const small = generateKeyPairSync('rsa', { modulusLength: 1024, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const wrong: unknown[] = [
    'canary-short', Buffer.from('canary-short'), { secret: SECRET }, [SECRET, SECRET], [SECRET, 'canary-short'], privateKey, Buffer.from(privateKey),
    { privateKey: privateKey.replace(body[1] as string, 'canary') }, { privateKey: SECRET }, { privateKey, publicKey: SECRET }, { privateKey, publicKey: small.publicKey }, { privateKey: small.privateKey }, { privateKey, kid: `${SECRET} ` }
  ]
  for (const secret of wrong) {
    const app = Fastify()
    t.teardown(() => app.close())
    const err = await Promise.resolve(app.register(tokenAuth, { secret: secret as string, userVerifier })).then(() => null, (err: Error) => err)
    t.match(err, { code: 'FST_TOKEN_AUTH_INVALID_OPTION' })
    const told = inspect(err, { depth: 9, showHidden: true })
    for (const canary of ['canary', ...body, ...small.privateKey.split('\n').slice(1, 4)]) t.notOk(told.includes(canary), told)
  }
})
