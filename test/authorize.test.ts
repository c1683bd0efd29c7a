// app.authorize: scopes, a recent log-in, a live session, and routes that also serve guests.
import t from 'tap'
import { ada, buildApp, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

t.test('all scopes that a route demands', async (t) => {
  const { app } = await buildApp(t, {}, {
    after (app) {
      app.get('/login-with/:scope', async (request, reply) => {
        const { scope } = request.params as { scope: string }
        return await app.tokenAuth.login(reply, { id: 'u-ada' }, { scope: scope.split('+') })
      })
      app.get('/read', { onRequest: app.authorize({ scope: 'read' }) }, async ({ auth }) => auth.scope)
      app.get('/both', { onRequest: app.authorize({ scope: ['read', 'write'] }) }, async ({ auth }) => auth.scope)
    }
  })
  const browser = new Browser(app)
  await browser.request('GET', '/login-with/read')
  t.same((await browser.request('GET', '/read')).json(), ['read'])
  const refused = await browser.request('GET', '/both')
  t.equal(refused.statusCode, 403)
  t.equal(refused.json().code, 'FST_TOKEN_AUTH_INSUFFICIENT_SCOPE')
  t.equal(refused.headers['www-authenticate'], 'Bearer error="insufficient_scope", scope="read write"')
  await browser.request('GET', '/login-with/write+read')
  t.equal((await browser.request('GET', '/both')).statusCode, 200)
  t.equal((await app.inject({ url: '/read' })).json().code, 'FST_TOKEN_AUTH_MISSING_ACCESS_TOKEN')
})

t.test('a log-in that is recent enough, which a refresh is not', async (t) => {
  const { app, clock } = await buildApp(t, {}, {
    after (app) { app.get('/transfer', { onRequest: app.authorize({ maxAge: 300 }) }, async () => 'done') }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(minutes(5))
  t.equal((await browser.request('GET', '/transfer')).statusCode, 200)
  clock.advance(1)
  await browser.refresh()
  const response = await browser.request('GET', '/transfer')
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'FST_TOKEN_AUTH_LOGIN_TOO_OLD')
  t.equal(response.headers['www-authenticate'], 'Bearer error="insufficient_user_authentication", max_age="300"')
  await browser.login(ada)
  t.equal((await browser.request('GET', '/transfer')).statusCode, 200)
})

t.test('a session that ended where this process could not hear of it', async (t) => {
  const store = new CountingStore()
  const { app } = await buildApp(t, { refreshTokenStore: store }, {
    after (app) {
      app.get('/live', { onRequest: app.authorize({ liveSession: true }) }, async () => 'yes')
      app.get('/any', { onRequest: app.authorize({}) }, async () => 'yes')
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  store.take()
  t.equal((await browser.request('GET', '/any')).statusCode, 200)
  t.same(store.take(), [], 'not asked unless wanted')
  t.equal((await app.inject({ url: '/any' })).statusCode, 401, 'optional only where it is said')
  t.equal((await browser.request('GET', '/live')).statusCode, 200)
  t.same(store.take(), ['find'])

  for (const { id } of await store.findByUser('u-ada')) await store.delete(id)
  const response = await browser.request('GET', '/live')
  t.equal(response.statusCode, 401)
  t.equal(response.json().code, 'FST_TOKEN_AUTH_SESSION_REVOKED')
  t.equal(response.headers['www-authenticate'], 'Bearer error="invalid_token"', 'so that a client tries to refresh')
  t.equal((await browser.request('GET', '/any')).statusCode, 200, 'until the access token expires')
})

t.test('optional: no token is fine, a bad one is not', async (t) => {
  const { app } = await buildApp(t, {}, {
    after (app) { app.get('/greeting', { onRequest: app.authorize({ optional: true }) }, async ({ authOrNull }) => authOrNull?.userId ?? 'guest') }
  })
  const browser = new Browser(app)
  t.equal((await browser.request('GET', '/greeting')).body, 'guest')
  await browser.login(ada)
  t.equal((await browser.request('GET', '/greeting')).body, 'u-ada')
  browser.accessToken = 'garbage'
  t.equal((await browser.request('GET', '/greeting')).statusCode, 401)
})
