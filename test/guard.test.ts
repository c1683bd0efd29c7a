// app.authenticate and request.auth: who gets in, what a route learns of them, and what the others are answered.
import { generateKeyPairSync } from 'node:crypto'
import { request } from 'node:http'
import auth from '@fastify/auth'
import t from 'tap'
import { ada, buildApp, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

t.test('tells a guarded route who makes the request, frozen', async (t) => {
  const { app, clock } = await buildApp(t, {}, {
    after (app) {
      app.get('/auth-object', { onRequest: app.authenticate }, async ({ auth }) => {
        t.throws(() => { (auth as { userId: string }).userId = 'eve' }, TypeError)
        t.throws(() => { (auth.scope as string[]).push('admin') }, TypeError)
        t.throws(() => { (auth.claims as { sub: string }).sub = 'eve' }, TypeError)
        auth.expiresAt.setTime(0)
        t.not(auth.expiresAt.getTime(), 0, 'a date of its own for each reader')
        return { ...auth, authenticatedAt: auth.authenticatedAt, expiresAt: auth.expiresAt }
      })
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  const login = clock.time
  clock.advance(minutes(1))
  const response = await browser.request('GET', '/auth-object')
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    userId: 'u-ada',
    sessionId: /^[\w-]{22}$/,
    scope: [],
    authenticatedAt: new Date(login).toISOString(),
    expiresAt: new Date(login + minutes(15)).toISOString(),
    claims: { sub: 'u-ada', iat: login / 1000 }
  })
})

t.test('what is no bearer token, and what is wrong with one', async (t) => {
  const { app, clock } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const token = browser.accessToken as string
  const ask = async (authorization: string | undefined) => await app.inject({ url: '/me', headers: { cookie: '__Host-Http-refresh_token=x', ...(authorization !== undefined && { authorization }) } })

  for (const [name, authorization, status, code, challenge] of [
    ['none', undefined, 401, 'MISSING_ACCESS_TOKEN', 'Bearer'],
    ['empty', '', 401, 'MISSING_ACCESS_TOKEN', 'Bearer'],
    ['another scheme', 'Basic YTpi', 401, 'MISSING_ACCESS_TOKEN', 'Bearer'],
    ['a scheme that begins alike', `Bearerer ${token}`, 401, 'MISSING_ACCESS_TOKEN', 'Bearer'],
    ['the scheme alone', 'Bearer', 401, 'INVALID_ACCESS_TOKEN', 'Bearer error="invalid_token"'],
    ['two blanks', `Bearer  ${token}`, 401, 'INVALID_ACCESS_TOKEN', 'Bearer error="invalid_token"'],
    ['a tab', `Bearer\t${token}`, 401, 'INVALID_ACCESS_TOKEN', 'Bearer error="invalid_token"'],
    ['two tokens', `Bearer ${token}, Bearer ${token}`, 401, 'INVALID_ACCESS_TOKEN', 'Bearer error="invalid_token"'],
    ['garbage', 'Bearer garbage', 401, 'INVALID_ACCESS_TOKEN', 'Bearer error="invalid_token"'],
    ['a refresh token', `Bearer ${browser.cookies.get('__Host-Http-refresh_token')}`, 401, 'INVALID_ACCESS_TOKEN', 'Bearer error="invalid_token"'],
    ['lower case', `bearer ${token}`, 200],
    ['upper case', `BEARER ${token}`, 200]
  ] as const) {
    const response = await ask(authorization)
    t.equal(response.statusCode, status, name)
    if (code === undefined) continue
    t.match(response.json(), { statusCode: 401, code: `FST_TOKEN_AUTH_${code}`, error: 'Unauthorized', message: String }, name)
    t.equal(response.headers['www-authenticate'], challenge, name)
    t.notMatch(response.body, token, 'no token in the message')
  }

  clock.advance(minutes(15) - 1)
  t.equal((await ask(`Bearer ${token}`)).statusCode, 200, 'until the last millisecond')
  clock.advance(1)
  const expired = await ask(`Bearer ${token}`)
  t.equal(expired.json().code, 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN')
  t.equal(expired.headers['www-authenticate'], 'Bearer error="invalid_token"')
})

t.test('two Authorization headers: a proxy may have looked at the other', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const ask = async (...second: string[]) => await new Promise((resolve, reject) => {
    const headers = ['Host', 'localhost', 'Authorization', `Bearer ${browser.accessToken}`, ...second]
    request(`${address}/me`, { headers }, (response) => { resolve(response.resume().statusCode) }).on('error', reject).end()
  })
  t.equal(await ask(), 200)
  t.equal(await ask('authorization', 'Bearer x'), 401)
})

t.test('clockTolerance stretches the end of a token, and only that', async (t) => {
  const { app, clock } = await buildApp(t, { accessToken: { clockTolerance: '5s' } })
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(minutes(15) + 4999)
  t.equal((await browser.me()).statusCode, 200)
  clock.advance(1)
  t.equal((await browser.me()).statusCode, 401)
})

t.test('a route without a guard fails closed, and the error names it', async (t) => {
  const { app, logs } = await buildApp(t, {}, {
    after (app) {
      app.get('/forgotten/:id', async ({ auth }) => ({ id: auth.userId }))
      app.get('/public', async ({ authOrNull }) => ({ auth: authOrNull }))
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  const response = await browser.request('GET', '/forgotten/7')
  t.equal(response.statusCode, 500)
  t.equal(response.json().code, 'FST_TOKEN_AUTH_NOT_GUARDED')
  t.match(logs.find(({ level }) => level === 50), { err: { message: /GET \/forgotten\/:id.*onRequest: app\.authenticate/ } })
  t.same((await browser.request('GET', '/public')).json(), { auth: null }, 'authOrNull asks nobody')
})

t.test('works in every hook that comes before the handler, and under @fastify/auth', async (t) => {
  const { app } = await buildApp(t, {}, {
    before: (app) => app.register(auth),
    after (app) {
      const handler = async ({ auth }: { auth: { userId: string } }) => auth.userId
      app.get('/pre-validation', { preValidation: app.authenticate }, handler)
      app.get('/pre-handler', { preHandler: [app.authenticate] }, handler)
      app.get('/either', { onRequest: app.auth([app.authenticate, async () => { throw new Error('no api key') }]) }, handler)
      app.get('/both', { onRequest: app.auth([app.authenticate, app.authorize({ maxAge: 60 })], { relation: 'and' }) }, handler)
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  for (const url of ['/pre-validation', '/pre-handler', '/either', '/both']) {
    t.equal((await browser.request('GET', url)).body, 'u-ada', url)
    t.not((await app.inject({ url })).statusCode, 200, url)
  }
})

t.test('a handler of the host shapes the error, and the challenge stays', async (t) => {
  const { app } = await buildApp(t, {}, {
    before (app) {
      app.setErrorHandler<Error & { statusCode: number }>((err, request, reply) => reply.code(err.statusCode).send({ problem: err.name }))
    }
  })
  const response = await app.inject({ url: '/me' })
  t.same(response.json(), { problem: 'TokenAuthError' })
  t.equal(response.headers['www-authenticate'], 'Bearer', 'a client refreshes by it')
  t.equal((await app.inject({ method: 'POST', url: '/auth/refresh' })).statusCode, 401)
})

t.test('asks the store never; a refresh asks it once', async (t) => {
  const store = new CountingStore()
  const { app } = await buildApp(t, { refreshTokenStore: store })
  const browser = new Browser(app)
  await browser.login(ada)
  t.same(store.take(), ['create'])
  await browser.me()
  await app.inject({ url: '/me', headers: { authorization: 'Bearer garbage' } })
  t.same(store.take(), [])
  await browser.refresh()
  t.same(store.take(), ['advance'])
  await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie: '__Host-Http-refresh_token=garbage' } })
  t.same(store.take(), [], 'garbage does not reach the store')
  await browser.logout()
  t.same(store.take(), ['delete'])
})

t.test('app.tokenAuth.verifyAccessToken says the same where there is no request', async (t) => {
  const { app, clock } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal(app.tokenAuth.verifyAccessToken(browser.accessToken as string).userId, 'u-ada')
  t.throws(() => app.tokenAuth.verifyAccessToken('garbage'), { code: 'FST_TOKEN_AUTH_INVALID_ACCESS_TOKEN', statusCode: 401 })
  clock.advance(minutes(15))
  t.throws(() => app.tokenAuth.verifyAccessToken(browser.accessToken as string), { code: 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN' })
})

t.test('a token of another secret does not get in', async (t) => {
  const one = await buildApp(t)
  const two = await buildApp(t, { secret: 'another secret, also of 32 bytes or more' })
  const browser = new Browser(one.app)
  await browser.login(ada)
  t.equal((await two.app.inject({ url: '/me', headers: { authorization: `Bearer ${browser.accessToken}` } })).statusCode, 401)
})

t.test('a guard of the whole app lets log-in, refresh, log-out, the key set and what the app has opened through, and nothing else', async (t) => {
  for (const hook of ['authenticate', 'authorize'] as const) {
    const { app } = await buildApp(t, { secret: generateKeyPairSync('ed25519') }, {
      before (app) {
        app.addHook('onRequest', function (request, reply, done) {
          if (hook === 'authenticate') app.authenticate.call(this, request, reply, done)
          else app.authorize({ maxAge: 60 }).call(this, request, reply).then(() => { done() }, done)
        })
      },
      after (app) {
        app.get('/other', async () => 'ok')
        app.get('/health', { config: { tokenAuth: 'open' } }, async ({ authOrNull }) => ({ auth: authOrNull }))
        app.get('/home', { config: { tokenAuth: 'optional' } }, async ({ authOrNull }) => authOrNull?.userId ?? 'guest')
      }
    })
    const authorization = 'Bearer nonsense'
    const login = await app.inject({ method: 'POST', url: '/auth/login', payload: ada, headers: { authorization } })
    const cookie = String(login.headers['set-cookie']).split(';')[0] ?? ''
    const statusOf = async (method: 'GET' | 'POST' | 'DELETE', url: string) => (await app.inject({ method, url, headers: { authorization, cookie } })).statusCode
    t.equal(login.statusCode, 200, hook)
    t.equal(await statusOf('POST', '/auth/refresh'), 200, hook)
    t.equal(await statusOf('GET', '/auth/jwks.json'), 200, hook)
    t.equal(await statusOf('POST', '/auth/logout'), 204, hook)
    t.same((await app.inject({ url: '/health', headers: { authorization } })).json(), { auth: null }, hook)
    t.equal((await app.inject('/home')).body, 'guest', hook)
    t.equal(await statusOf('GET', '/home'), 401, hook)
    t.equal(await statusOf('GET', '/other'), 401, hook)
    t.equal(await statusOf('GET', '/auth/sessions'), 401, hook)
    t.equal(await statusOf('DELETE', '/auth/sessions'), 401, hook)
    t.equal(await statusOf('GET', '/nowhere'), 401, hook)
    const { accessToken } = await app.tokenAuth.issueAccessToken({ id: 'u-ada' })
    t.equal((await app.inject({ url: '/other', headers: { authorization: `Bearer ${accessToken}` } })).statusCode, 200, hook)
    t.equal((await app.inject({ url: '/home', headers: { authorization: `Bearer ${accessToken}` } })).body, 'u-ada', hook)
  }
})

t.test('a route that is open and has a guard of its own does not start', async (t) => {
  const { app } = await buildApp(t, {}, {
    after (app) {
      const config = { tokenAuth: 'open' } as const
      for (const hooks of [{ onRequest: app.authenticate }, { preHandler: [async () => {}, app.authorize({ scope: 'admin' })] }]) {
        t.throws(() => app.get('/', { config, ...hooks }, async () => 'secret'), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /^GET \/ has a guard and config.tokenAuth 'open'/ })
      }
      app.get('/open', { config, onRequest: async () => {} }, async () => 'open')
    }
  })
  t.equal((await app.inject('/open')).body, 'open')
})
