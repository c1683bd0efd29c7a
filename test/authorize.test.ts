// app.authorize: scopes, a recent log-in, a live session, and routes that also serve guests.
import t from 'tap'
import type { Requirements } from 'fastify-token-auth'
import { authorizationFor } from 'fastify-token-auth/testing'
import { ada, buildApp, grace, minutes } from './fixtures/app.ts'
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
      app.get('/one', { onRequest: app.authorize({ scope: ['read'] }) }, async ({ auth }) => auth.scope)
    }
  })
  const browser = new Browser(app)
  await browser.request('GET', '/login-with/read')
  for (const url of ['/read', '/one']) t.same((await browser.request('GET', url)).json(), ['read'])
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
    after (app) { for (const [url, maxAge] of [['/transfer', 300], ['/same', '5m']] as const) app.get(url, { onRequest: app.authorize({ maxAge }) }, async () => 'done') }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(minutes(5))
  for (const url of ['/transfer', '/same']) t.equal((await browser.request('GET', url)).statusCode, 200)
  clock.advance(1)
  await browser.refresh()
  for (const url of ['/transfer', '/same']) {
    const response = await browser.request('GET', url)
    t.equal(response.statusCode, 401)
    t.equal(response.json().code, 'FST_TOKEN_AUTH_LOGIN_TOO_OLD')
    t.equal(response.headers['www-authenticate'], 'Bearer error="insufficient_user_authentication", max_age="300"')
  }
  await browser.login(ada)
  t.equal((await browser.request('GET', '/transfer')).statusCode, 200)
})

t.test('the challenge tells whole seconds, never more than are asked for', async (t) => {
  const { app, clock } = await buildApp(t, {}, { after (app) { app.get('/', { onRequest: app.authorize({ maxAge: 3600.9 }) }, async () => 'done') } })
  const { accessToken } = await app.tokenAuth.issueAccessToken({ id: 'u-ada' }, { authenticatedAt: new Date(clock.time - minutes(61)) })
  t.match((await app.inject({ url: '/', headers: { authorization: `Bearer ${accessToken}` } })).headers['www-authenticate'], 'max_age="3600"')
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

t.test('requirements that would guard nothing are refused when the hook is made', async (t) => {
  const { app } = await buildApp(t)
  const refusals: Array<[unknown, RegExp]> = [
    [undefined, /^app.authorize: its argument must be an object/],
    ['admin', /^app.authorize: its argument must be an object/],
    [{ scopes: 'admin' }, /^app.authorize: scopes is not an option; there are scope, maxAge, liveSession, optional/],
    [{ maxage: 5 }, /^app.authorize: maxage is not an option/],
    [{ scope: [] }, /^app.authorize: scope must be a scope, or an array of scopes/],
    [{ scope: undefined }, /^app.authorize: scope is undefined: leave it out, or say what is required/],
    [{ maxAge: undefined, scope: 'a' }, /^app.authorize: maxAge is undefined/],
    [{ maxAge: 0.0004 }, /^app.authorize: maxAge must be a duration above zero/],
    [{ scope: 'read write' }, /^app.authorize: scope must be a scope, or an array of scopes/],
    [{ scope: ['read', ''] }, /^app.authorize: scope/],
    [{ maxAge: NaN }, /^app.authorize: maxAge must be a duration above zero/],
    [{ maxAge: '300' }, /^app.authorize: maxAge must be a duration above zero/],
    [{ liveSession: 'yes' }, /^app.authorize: liveSession must be true or false/],
    [{ optional: 1 }, /^app.authorize: optional must be true or false/]
  ]
  for (const [requirements, message] of refusals) {
    t.throws(() => app.authorize(requirements as Requirements), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message }, JSON.stringify(requirements))
  }
})

t.test('the option scope: what log-in grants, and every other way in that names none', async (t) => {
  const { app } = await buildApp(t, { scope: async ({ id }) => id === 'u-ada' ? ['read', 'write'] : [] }, {
    after (app) {
      app.get('/write', { onRequest: app.authorize({ scope: 'write' }) }, async ({ auth }) => auth.scope)
      app.post('/read-only', async (request, reply) => await app.tokenAuth.login(reply, { id: 'u-ada' }, { scope: ['read'] }))
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  t.same((await browser.request('GET', '/write')).json(), ['read', 'write'])
  await browser.refresh()
  t.equal((await browser.request('GET', '/write')).statusCode, 200, 'a refresh keeps it')
  await browser.login(grace)
  t.equal((await browser.request('GET', '/write')).statusCode, 403)
  await browser.request('POST', '/read-only')
  t.equal((await browser.request('GET', '/write')).statusCode, 403)
  t.equal((await app.inject({ url: '/write', headers: { authorization: await authorizationFor(app, { id: 'u-ada' }) } })).statusCode, 200)
})

t.test('an option scope that fails, or returns something else', async (t) => {
  const login = async (scope: () => unknown) => {
    const { app } = await buildApp(t, { scope: scope as () => string[] })
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
    t.same(await app.tokenAuth.sessions('u-ada'), [], 'no session is left behind')
    return [response.statusCode, response.json().code]
  }
  t.strictSame(await login(() => { throw new Error('the database is down') }), [503, 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED'])
  for (const scope of ['read', ['a b'], [1], null]) t.strictSame(await login(() => scope), [500, 'FST_TOKEN_AUTH_INVALID_SCOPE'], JSON.stringify(scope))
})
