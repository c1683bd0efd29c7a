// authorize({ liveSession }) asks the store, once for each request and only where it is wanted; maxAge is exact.
import t from 'tap'
import { ada, buildApp, seconds } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

t.test('a session that ended where this process could not hear of it', async (t) => {
  const store = new CountingStore()
  const { app } = await buildApp(t, { refreshTokenStore: store }, {
    after (app) {
      app.get('/live', { onRequest: app.authorize({ liveSession: true }) }, async () => 'yes')
      app.get('/other', { onRequest: app.authorize({ maxAge: 60 }) }, async () => 'yes')
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  store.take()

  t.equal((await browser.request('GET', '/live')).statusCode, 200)
  t.same(store.take(), ['find'])
  t.equal((await browser.request('GET', '/other')).statusCode, 200)
  t.same(store.take(), [], 'not asked unless wanted')

  for (const { id } of await store.findByUser('u-ada')) await store.delete(id)
  const response = await browser.request('GET', '/live')
  t.equal(response.json().code, 'FST_TOKEN_AUTH_SESSION_REVOKED')
  t.equal(response.headers['www-authenticate'], 'Bearer error="invalid_token"', 'so that a client tries to refresh')
  t.equal((await browser.request('GET', '/other')).statusCode, 200, 'until the access token expires')
})

t.test('a log-in is too old from the next millisecond on', async (t) => {
  const { app, clock } = await buildApp(t, {}, {
    after (app) { app.get('/recent', { onRequest: app.authorize({ maxAge: 300 }) }, async () => 'yes') }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(seconds(300))
  t.equal((await browser.request('GET', '/recent')).statusCode, 200)
  clock.advance(1)
  t.equal((await browser.request('GET', '/recent')).json().code, 'FST_TOKEN_AUTH_LOGIN_TOO_OLD')
})
