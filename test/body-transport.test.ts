// refreshToken.transport: native apps carry the refresh token in the body, and a browser's never gets there.
import t from 'tap'
import { ada, buildApp, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

for (const [transport, headers] of [['body', {}], ['both', { 'token-transport': 'body' }]] as const) {
  t.test(`transport '${transport}': log in, refresh and log out without a cookie`, async (t) => {
    const { app } = await buildApp(t, { refreshToken: { transport } })
    const post = async (url: string, payload: object) => await app.inject({ method: 'POST', url, payload, headers })
    const login = await post('/auth/login', ada)
    t.match(login.json(), { accessToken: String, tokenType: 'Bearer', expiresIn: 900, refreshToken: String })
    t.equal(login.headers['set-cookie'], undefined)

    const first = await post('/auth/refresh', { refreshToken: login.json().refreshToken })
    t.equal(first.statusCode, 200)
    t.equal(first.headers['set-cookie'], undefined)
    const { refreshToken } = first.json()
    t.not(refreshToken, login.json().refreshToken)

    t.equal((await post('/auth/logout', { refreshToken })).statusCode, 204)
    const out = await post('/auth/refresh', { refreshToken })
    t.equal(out.json().code, 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN')
    t.equal(out.headers['set-cookie'], undefined)
    t.equal((await post('/auth/refresh', {})).json().code, 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN')
    t.equal((await post('/auth/refresh', { refreshToken: 'x'.repeat(4097) })).statusCode, 400)
    t.equal((await post('/auth/refresh', { refreshToken: { a: 1 } })).statusCode, 400)
  })
}

t.test('a token that came by cookie is never answered in a body', async (t) => {
  const { app, clock } = await buildApp(t, { refreshToken: { transport: 'both' } })
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal(browser.cookies.size, 1)
  for (const payload of [undefined, {}, { refreshToken: undefined }]) {
    clock.advance(minutes(15))
    const response = await browser.request('POST', '/auth/refresh', { headers: { 'token-transport': 'body' }, ...(payload && { payload }) })
    t.equal(response.statusCode, 200)
    t.notOk('refreshToken' in response.json())
    t.match(response.headers['set-cookie'], /__Host-Http-refresh_token/)
  }
})

t.test("transport 'cookie' does not know the body", async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  const login = await browser.request('POST', '/auth/login', { payload: ada, headers: { 'token-transport': 'body' } })
  t.notOk('refreshToken' in login.json())
  const refreshToken = browser.cookies.get('__Host-Http-refresh_token')
  t.equal((await app.inject({ method: 'POST', url: '/auth/refresh', payload: { refreshToken } })).json().code, 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN')
})

t.test("transport 'body' does not know the cookie", async (t) => {
  const { app } = await buildApp(t, { refreshToken: { transport: 'body' } })
  const login = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  const cookie = `__Host-Http-refresh_token=${login.json().refreshToken}`
  t.equal((await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })).json().code, 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN')
})

t.test('a log-in whose body has a refresh token of another kind', async (t) => {
  const { app } = await buildApp(t, { refreshToken: { transport: 'body' } })
  for (const refreshToken of [5, null, { a: 1 }, ['x']]) {
    t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: { ...ada, refreshToken } })).statusCode, 200, JSON.stringify(refreshToken))
  }
})
