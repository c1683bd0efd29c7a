// Beside others: a host that has @fastify/jwt and @fastify/cookie of its own, and several instances of this plugin in one app.
import { generateKeyPairSync } from 'node:crypto'
import cookie from '@fastify/cookie'
import jwt from '@fastify/jwt'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import tokenAuth, { MemoryStore } from 'fastify-token-auth'
import { ada, buildApp, grace, SECRET, userVerifier } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

/** The host's own use of both plugins: a signed cookie that holds a JWT of its own. */
async function hostPlugins (app: FastifyInstance): Promise<void> {
  await app.register(jwt, { secret: 'the host has a secret of its own' })
  await app.register(cookie, { secret: 'and one for cookies' })
}

function hostRoute (app: FastifyInstance): void {
  app.get('/host', async (request, reply) => {
    reply.setCookie('host', app.jwt.sign({ host: true }), { signed: true, path: '/' })
    return { own: Object.keys(app.jwt), cookies: Object.keys(request.cookies) }
  })
}

const worlds: Array<[name: string, prepare: Parameters<typeof buildApp>[2]]> = [
  ['not at all', {}],
  ['not at all, but decorates requests as @fastify/jwt does', { before: (app) => app.decorateRequest('user' as string, null) }],
  ['before', { before: hostPlugins, after: hostRoute }],
  ['after', { async after (app) { await hostPlugins(app); hostRoute(app) } }],
  ['cookies before, JWTs after', {
    before: (app) => app.register(cookie, { secret: 'cookies' }),
    async after (app) { await app.register(jwt, { secret: 'the host has a secret of its own' }); hostRoute(app) }
  }],
  ['JWTs before, cookies after', {
    before: (app) => app.register(jwt, { secret: 'the host has a secret of its own' }),
    async after (app) { await app.register(cookie, { secret: 'cookies' }); hostRoute(app) }
  }],
  ['before, in a namespace', {
    before: (app) => app.register(jwt, { secret: 'the host has a secret of its own', namespace: 'host' })
  }]
]

/** Only key pairs sign with @fastify/jwt. */
const secrets = { 'a secret': SECRET, 'a key pair': { privateKey: generateKeyPairSync('ed25519').privateKey } }

for (const [name, prepare] of worlds) {
  for (const [kind, secret] of Object.entries(secrets)) {
    t.test(`a host that registers @fastify/jwt and @fastify/cookie: ${name}; ${kind} signs`, async (t) => {
      const { app } = await buildApp(t, { secret }, prepare)
      const browser = new Browser(app)
      if (app.hasRoute({ method: 'GET', url: '/host' })) {
        const host = await browser.request('GET', '/host')
        t.equal(host.statusCode, 200)
        t.notOk(host.json().own.some((key: string) => key.startsWith('fastify-token-auth')), "nothing of ours in the host's app.jwt")
        t.ok(browser.cookies.has('host'))
      }
      await browser.login(ada)
      t.equal((await browser.me()).statusCode, 200)
      t.equal((await browser.refresh()).statusCode, 200)
      if (browser.cookies.has('host')) t.same((await browser.request('GET', '/host')).json().cookies.sort(), ['__Host-Http-refresh_token', 'host'])
      t.equal((await browser.logout()).statusCode, 204)
      t.equal((await browser.refresh()).statusCode, 401)
    })
  }
}

t.test('the cookie joins those that the host sets on the same answer', async (t) => {
  const { app } = await buildApp(t, { routes: { login: { preHandler: async (request, reply) => { reply.setCookie('seen', '1') } } } }, {
    before: (app) => app.register(cookie)
  })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.same(response.cookies.map(({ name }) => name).sort(), ['__Host-Http-refresh_token', 'seen'])
})

t.test('two instances in two scopes: customers and staff', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const scopes = [
    { path: '/shop', person: ada, secret: SECRET, cookie: { name: 'customer' } },
    { path: '/office', person: grace, secret: 'the staff have another secret than the customers', cookie: { name: 'staff' } }
  ]
  for (const { path, person, ...options } of scopes) {
    await app.register(async (scope) => {
      await scope.register(tokenAuth, {
        ...options,
        refreshTokenStore: new MemoryStore(),
        userVerifier: { verify: (credentials) => credentials.username === person.username ? userVerifier.verify(credentials) : null }
      })
      scope.get('/me', { onRequest: scope.authenticate }, async ({ auth }) => auth.userId)
    }, { prefix: path })
  }

  const browser = new Browser(app)
  const login = async (path: string, credentials: object) => await browser.request('POST', `${path}/auth/login`, { payload: credentials })
  t.equal((await login('/shop', grace)).statusCode, 401, 'users of their own')
  await login('/shop', ada)
  const customer = browser.accessToken
  await login('/office', grace)
  const staff = browser.accessToken
  t.same([...browser.cookies.keys()].sort(), ['__Host-Http-customer', '__Host-Http-staff'])

  const me = async (path: string, token: string | undefined) => (await app.inject({ url: `${path}/me`, headers: { authorization: `Bearer ${token}` } })).statusCode
  t.same(await Promise.all([me('/shop', customer), me('/office', staff)]), [200, 200])
  t.same(await Promise.all([me('/shop', staff), me('/office', customer)]), [401, 401])

  const swapped = new Browser(app)
  swapped.cookies.set('__Host-Http-customer', browser.cookies.get('__Host-Http-staff') as string)
  t.equal((await swapped.request('POST', '/shop/auth/refresh')).statusCode, 401)
  t.equal((await browser.request('POST', '/shop/auth/logout')).statusCode, 204)
  t.equal((await browser.request('POST', '/office/auth/refresh')).statusCode, 200)
})

t.test('a second instance in the same scope, or below, is told what to do', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(tokenAuth, { secret: SECRET, userVerifier })
  await t.rejects(async () => {
    await app.register(async (child) => { await child.register(tokenAuth, { secret: SECRET, userVerifier }) })
  }, { code: 'FST_TOKEN_AUTH_ALREADY_REGISTERED', message: /each instance in a scope of its own/ })
})

t.test('two instances with one cookie: only if they share a key, or each would end the log-ins of the other', async (t) => {
  const other = 'the staff have another secret than the customers'
  const start = async (first: object, second: object) => {
    const app = Fastify()
    t.teardown(() => app.close())
    for (const [index, options] of [first, second].entries()) {
      await app.register(async (scope) => {
        await scope.register(tokenAuth, { userVerifier, refreshTokenStore: new MemoryStore(), secret: SECRET, ...options })
      }, { prefix: `/${index}` })
    }
    await app.ready()
  }
  await t.rejects(start({}, { secret: other }), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /^cookie\.name '__Host-Http-refresh_token' is that of another instance/ })
  await t.resolves(start({}, {}), 'the same sessions at two addresses')
  await t.resolves(start({}, { secret: [other, SECRET] }), 'a key in common')
  await t.resolves(start({}, { secret: other, cookie: { name: 'staff' } }), 'a name of its own')
  await t.resolves(start({ cookie: { path: '/0' } }, { secret: other, cookie: { path: '/1' } }), 'a path of its own')
  await t.resolves(start({}, { secret: other, refreshToken: { transport: 'body' } }), 'no cookie')
})
