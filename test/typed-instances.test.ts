// defineTokenAuth: several instances in one app, each with claims of its own type.
import Fastify from 'fastify'
import { expectTypeOf } from 'expect-type'
import t from 'tap'
import { defineTokenAuth, MemoryStore } from 'fastify-token-auth'
import { ada, SECRET } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

t.test('customers and staff', async (t) => {
  const verifier = <User extends { id: string }>(user: User) => ({ verify: () => user, findById: () => user })
  const shop = defineTokenAuth({
    secret: SECRET,
    refreshTokenStore: new MemoryStore(),
    userVerifier: verifier({ id: '1', tier: 'gold' as const }),
    accessToken: { claims: (user) => ({ tier: user.tier }) },
    cookie: { name: 'customer' }
  })
  const office = defineTokenAuth({
    secret: 'the staff have another secret than the customers',
    refreshTokenStore: new MemoryStore(),
    userVerifier: verifier({ id: '2', rank: 7 }),
    accessToken: { claims: async (user) => ({ rank: user.rank }) },
    cookie: { name: 'staff' }
  })

  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async (scope) => {
    await scope.register(shop)
    scope.get('/me', { onRequest: scope.authenticate }, async (request) => {
      const { tier, sub } = shop.auth(request).claims
      expectTypeOf(tier).toEqualTypeOf<'gold'>()
      expectTypeOf(sub).toEqualTypeOf<string>()
      return { tier }
    })
    scope.get('/confused', { onRequest: scope.authenticate }, async (request) => office.auth(request).claims)
    scope.get('/forgotten', async (request) => shop.auth(request).claims)
  }, { prefix: '/shop' })
  await app.register(async (scope) => {
    await scope.register(office)
    scope.get('/me', { onRequest: scope.authenticate }, async (request) => {
      const { rank } = office.auth(request).claims
      expectTypeOf(rank).toEqualTypeOf<number>()
      return { rank }
    })
  }, { prefix: '/office' })

  const browser = new Browser(app)
  await browser.request('POST', '/shop/auth/login', { payload: ada })
  t.same((await browser.request('GET', '/shop/me')).json(), { tier: 'gold' })
  for (const url of ['/shop/confused', '/shop/forgotten']) {
    const response = await browser.request('GET', url)
    t.equal(response.statusCode, 500)
    t.equal(response.json().code, 'FST_TOKEN_AUTH_NOT_GUARDED')
  }
  await browser.request('POST', '/office/auth/login', { payload: ada })
  t.same((await browser.request('GET', '/office/me')).json(), { rank: 7 })
})
