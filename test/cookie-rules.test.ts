// The refresh cookie by the rules of RFC 6265bis: which cookies are ours, how it is set and cleared, how large it gets, and that nothing is injected into a header.
import Fastify, { type LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createRefreshCookie, resolveCookie, type CookieOptions } from '../lib/refresh-cookie.ts'
import { ada, buildApp, days, grace } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

const COOKIE = '__Host-Http-refresh_token'

t.test('which cookies are ours', async (t) => {
  const store = new CountingStore()
  const { app } = await buildApp(t, { refreshTokenStore: store })
  const [one, two] = [new Browser(app), new Browser(app)]
  await one.login(ada)
  await two.login(grace)
  const [good, other] = [one, two].map((browser) => browser.cookies.get(COOKIE) as string) as [string, string]
  const many = Array.from({ length: 150 }, (_none, i) => `${COOKIE}=${i}`).join('; ')
  store.take()

  for (const [name, cookie, status] of [
    ['alone', `${COOKIE}=${good}`, 200],
    ['among others', `a=b; ${COOKIE}=${good}; c="d;e"; ${COOKIE}2=x; =; ;; f`, 200],
    ['without blanks', `a=b;${COOKIE}=${good};c=d`, 200],
    ['before one that is planted', `${COOKIE}=${good}; ${COOKIE}=planted`, 200],
    ['after one that is planted', `${COOKIE}=planted; ${COOKIE}=${good}`, 200],
    ['among 150 that are planted', `${many}; ${COOKIE}=${good}; ${many}`, 200],
    ['the same twice', `${COOKIE}=${good}; ${COOKIE}=${good}`, 200],
    ["before another session's", `${COOKIE}=${good}; ${COOKIE}=${other}`, 401],
    ["after another session's", `${COOKIE}=${other}; ${COOKIE}=${good}`, 401],
    ['quoted', `${COOKIE}="${good}"`, 401],
    ['too large', `${COOKIE}=${good}${'x'.repeat(4096)}`, 401],
    ['with an equals sign more', `${COOKIE}==${good}`, 401],
    ['in percent encoding', `${COOKIE}=${good.replaceAll('.', '%2E')}`, 401],
    ['after a comma', `a=b,${COOKIE}=${good}`, 401],
    ['a name in lower case', `${COOKIE.toLowerCase()}=${good}`, 401],
    ['a name in upper case', `${COOKIE.toUpperCase()}=${good}`, 401],
    ['a name in percent encoding', `${COOKIE.replace('_t', '%5ft')}=${good}`, 401],
    ['a name in quotes', `"${COOKIE}"=${good}`, 401],
    ['a name with a blank', `${COOKIE} =${good}`, 401],
    ['a longer name', `x${COOKIE}=${good}`, 401],
    ['a name without its prefix', `refresh_token=${good}`, 401],
    ['a name with a weaker prefix', `__Secure-refresh_token=${good}`, 401],
    ['a name with half of the prefix', `__Host-refresh_token=${good}`, 401],
    ['no value', COOKIE, 401],
    ['nothing', '', 401]
  ] as const) {
    const response = await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })
    t.equal(response.statusCode, status, name)
    t.equal(store.take().length, status === 200 ? 1 : 0, 'the store is asked about nothing but what is ours')
  }
})

t.test('logout and login end the session of the one cookie that is ours, and of no other', async (t) => {
  const { app } = await buildApp(t)
  for (const [url, cookies, ends] of [
    ['/auth/logout', (mine: string) => `${COOKIE}=x; ${COOKIE}=${mine}`, true],
    ['/auth/login', (mine: string) => `${COOKIE}=${mine}; ${COOKIE}=x`, true],
    ['/auth/logout', (mine: string, other: string) => `${COOKIE}=${mine}; ${COOKIE}=${other}`, false],
    ['/auth/login', (mine: string, other: string) => `${COOKIE}=${other}; ${COOKIE}=${mine}`, false]
  ] as const) {
    const [one, two] = [new Browser(app), new Browser(app)]
    await one.login(grace)
    await two.login(grace)
    const cookie = cookies(one.cookies.get(COOKIE) as string, two.cookies.get(COOKIE) as string)
    await app.inject({ method: 'POST', url, headers: { cookie }, ...(url === '/auth/login' && { payload: ada }) })
    t.equal((await one.refresh()).statusCode, ends ? 401 : 200, url)
    t.equal((await two.refresh()).statusCode, 200, 'the other session stands')
  }
})

t.test('setting and clearing share the name and all attributes', async (t) => {
  const configurations: CookieOptions[] = [
    {}, { path: '/auth' }, { domain: 'example.com' }, { secure: false }, { sameSite: 'lax' }, { sameSite: 'none', partitioned: true },
    { name: 'sid', path: '/a/b', domain: 'sub.example.com', sameSite: 'lax' }, { name: '__Host-sid' }, { name: '__Secure-sid', path: '/x' }
  ]
  for (const cookie of configurations) {
    const { app, clock } = await buildApp(t, { cookie })
    const browser = new Browser(app)
    const login = await browser.login(ada)
    const [thief, sleeper] = [browser.copy(), browser.copy()]
    const refresh = await browser.refresh()
    const logout = await browser.logout()
    const rejected = await thief.refresh()
    clock.advance(days(30))
    const expired = await sleeper.refresh()
    const expected = withoutValue(login)
    for (const [name, response] of Object.entries({ refresh, logout, rejected, expired })) t.same(withoutValue(response), expected, `${JSON.stringify(cookie)} ${name}`)
    for (const response of [logout, rejected, expired]) t.match(response.headers['set-cookie'], /^[^=]+=; Max-Age=0;/, 'nothing is left of it')
    t.ok(expected.includes('HttpOnly'))
  }
})

function withoutValue ({ headers }: LightMyRequestResponse): string[] {
  return String(headers['set-cookie']).replace(/^([^=]+)=[^;]*/, '$1').split('; ').filter((attribute) => !attribute.startsWith('Max-Age'))
}

t.test('a prefix of its own is the only one a name may bring along', async (t) => {
  for (const [name, expected] of [['__session', '__Host-Http-__session'], ['__Host-sid', '__Host-sid'], ['__host-sid', '__host-sid'], ['__Secure-sid', '__Secure-sid'], ['__Http-sid', '__Http-sid'], ['__Host-Http-sid', '__Host-Http-sid']] as const) {
    t.equal(resolveCookie({ name }).name, expected)
  }
  t.equal(resolveCookie({ name: 'x__Host-y' }).name, '__Host-Http-x__Host-y', 'it is one at the beginning only')
  t.equal(resolveCookie({ name: 'x__host-y', path: '/x' }).name, '__Secure-x__host-y')
  t.equal(resolveCookie({ name: 'x__Secure-y', secure: false }).name, 'x__Secure-y')
})

t.test('name and value stay under 4096 bytes: at start-up', async (t) => {
  const fits = 'x'.repeat(4096 - '__Host-Http-'.length - 512)
  const { app } = await buildApp(t, { cookie: { name: fits } })
  const browser = new Browser(app)
  await browser.login(ada)
  for (let i = 0; i < 3; i++) {
    const [pair] = String((await browser.refresh()).headers['set-cookie']).split(';')
    t.ok((pair as string).length - 1 <= 4096)
  }
  t.throws(() => resolveCookie({ name: `${fits}x` }), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /^cookie\.name is too long/ })
})

t.test('name and value stay under 4096 bytes: at issue', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const cookie = await createRefreshCookie(app, resolveCookie({}))
  app.get('/:length', async (request, reply) => {
    cookie.write(reply, 'x'.repeat(Number((request.params as { length: string }).length) - COOKIE.length), 60)
    return 'ok'
  })
  t.equal((await app.inject('/4096')).statusCode, 200)
  const refused = await app.inject('/4097')
  t.equal(refused.json().code, 'FST_TOKEN_AUTH_TOKEN_TOO_LARGE')
  t.equal(refused.headers['set-cookie'], undefined)
})

t.test('no CR or LF from a request reaches a header of the answer', async (t) => {
  const { app } = await buildApp(t, { refreshToken: { transport: 'both' } })
  const browser = new Browser(app)
  await browser.login(ada)
  const authorization = `Bearer ${browser.accessToken}`
  for (const evil of ['\r\nx-injected: yes', '\nx-injected: yes', '\rx-injected: yes', '%0d%0ax-injected:%20yes', '\u560d\u560ax-injected: yes', '"\r\nx-injected: yes']) {
    for (const request of [
      { method: 'GET', url: '/me', headers: { authorization: `Bearer ${evil}` } },
      { method: 'GET', url: '/me', headers: { authorization: `Bearer${evil}` } },
      { method: 'POST', url: '/auth/refresh', headers: { cookie: `${COOKIE}=${evil}` } },
      { method: 'POST', url: '/auth/refresh', headers: { origin: evil, vary: evil } },
      { method: 'POST', url: '/auth/refresh', headers: { 'sec-fetch-site': evil, host: evil } },
      { method: 'POST', url: '/auth/refresh', payload: { refreshToken: evil } },
      { method: 'POST', url: '/auth/login', payload: { username: evil, password: evil }, headers: { 'token-transport': evil, 'user-agent': evil } },
      { method: 'POST', url: '/auth/login', payload: ada, headers: { 'token-transport': evil, 'user-agent': evil, 'x-forwarded-for': evil } },
      { method: 'DELETE', url: `/auth/sessions/${encodeURIComponent(evil)}`, headers: { authorization } },
      { method: 'DELETE', url: `/auth/sessions/x?others=${encodeURIComponent(evil)}`, headers: { authorization } }
    ] as const) {
      const response = await app.inject(request)
      t.ok(response.statusCode < 500)
      t.notMatch(Object.entries(response.headers).flat(2).join(' '), /[\r\n]|x-injected/, `${request.method} ${request.url}`)
    }
  }
})

t.test('nor does one from the options', async (t) => {
  for (const cookie of [{ name: 'a\r\nb' }, { name: 'a\n' }, { path: '/\r\nx: y' }, { path: '/\n' }, { domain: 'example.com\r\nx: y' }, { domain: 'example.com\n' }, { name: 'a;b' }, { path: '/;Domain=evil.example' }, { domain: 'a;b' }]) {
    await t.rejects(buildApp(t, { cookie }), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /^cookie\./ })
  }
})
