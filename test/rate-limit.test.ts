// With @fastify/rate-limit in the host, guessing passwords is limited per address and per account, and nobody can lock an account's owner out.
import rateLimit, { type FastifyRateLimitStoreCtor, type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { Type, type TProperties } from 'typebox'
import { ada, buildApp, grace, minutes, seconds, userVerifier } from './fixtures/app.ts'

type Options = Parameters<typeof buildApp>[1]
const MALLORY = '203.0.113.66'

/** A host with @fastify/rate-limit, whose clock only `pass` moves. */
async function start (t: Test, options: Options = {}, settings: RateLimitPluginOptions = { global: false }) {
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  let verified = 0
  const { app } = await buildApp(t, {
    userVerifier: { ...userVerifier, verify (credentials) { verified++; return userVerifier.verify(credentials) } },
    ...options
  }, { before: (app) => app.register(rateLimit, settings) })
  return {
    app,
    verified: () => verified,
    pass (milliseconds: number) { now += milliseconds },
    login: async (payload: object, remoteAddress: string, headers = {}) => await app.inject({ method: 'POST', url: '/auth/login', payload, remoteAddress, headers })
  }
}

function isTooMany (t: Test, response: LightMyRequestResponse, retryAfter: number) {
  t.equal(response.statusCode, 429)
  t.same(response.json(), { statusCode: 429, code: 'FST_TOKEN_AUTH_TOO_MANY_ATTEMPTS', error: 'Too Many Requests', message: 'Too many attempts to log in, try again later' })
  t.equal(response.headers['retry-after'], `${retryAfter}`)
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(response.headers['set-cookie'], undefined)
}

t.test('without it, start-up logs one hint', async (t) => {
  const hints = ({ logs }: Awaited<ReturnType<typeof buildApp>>) => logs.filter(({ msg }) => msg.includes('@fastify/rate-limit'))
  t.match(hints(await buildApp(t)), [{ level: 40, msg: /register @fastify\/rate-limit before this plugin/ }])
  t.same(hints(await buildApp(t, { routes: { login: false } })), [], 'there is nothing to guess at')
  t.same(hints(await buildApp(t, { routes: { login: { accountRateLimit: false } } })), [], 'somebody has thought of it')
  t.same(hints(await buildApp(t, {}, { before: (app) => app.register(rateLimit) })), [])
})

for (const settings of [{ global: false }, { global: true, max: 1000, timeWindow: '1 hour' }]) {
  t.test(`twenty attempts a minute from one address, ${JSON.stringify(settings)}`, async (t) => {
    const { login, pass } = await start(t, {}, settings)
    for (let i = 0; i < 20; i++) t.equal((await login({ username: `user${i}`, password: 'x' }, MALLORY)).statusCode, 401)
    isTooMany(t, await login(grace, MALLORY), 60)
    t.equal((await login(grace, '198.51.100.7')).statusCode, 200, 'another address')
    pass(seconds(60))
    t.equal((await login(grace, MALLORY)).statusCode, 200, 'a minute later')
  })
}

t.test('ten attempts in fifteen minutes from one address on one account', async (t) => {
  const { login, pass, verified } = await start(t)
  for (let i = 0; i < 10; i++) {
    t.equal((await login({ ...ada, password: `guess ${i}` }, MALLORY)).statusCode, 401)
    pass(seconds(60))
  }
  t.equal(verified(), 10)
  const refused = await login(ada, MALLORY)
  isTooMany(t, refused, 300)
  t.equal(verified(), 10, 'not even the right password is looked at')
  for (const username of ['ADA', ' ada ', 'Ａｄａ']) t.equal((await login({ username, password: 'x' }, MALLORY)).statusCode, 429, `'${username}' is no other account`)
  t.equal((await login(grace, MALLORY)).statusCode, 200, 'another account')
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200, 'the owner, at another address')
  pass(seconds(300))
  t.equal((await login(ada, MALLORY)).statusCode, 200, 'the window has passed')
})

t.test('an account that does not exist is limited alike', async (t) => {
  const { login } = await start(t)
  for (let i = 0; i < 10; i++) await login({ username: 'nobody', password: 'x' }, MALLORY)
  isTooMany(t, await login({ username: 'nobody', password: 'x' }, MALLORY), 900)
})

t.test('attempts at the same moment do not slip through', async (t) => {
  const { login, verified } = await start(t, { routes: { login: { config: { rateLimit: false } } } })
  const answers = await Promise.all(Array.from({ length: 50 }, async (_none, i) => await login({ ...ada, password: `guess ${i}` }, MALLORY)))
  t.equal(verified(), 10)
  t.equal(answers.filter(({ statusCode }) => statusCode === 429).length, 40)
})

t.test('an account under siege from many addresses: each has one attempt, so the owner still gets in', async (t) => {
  const { login, pass, verified } = await start(t)
  for (let address = 1; address <= 10; address++) {
    for (let i = 0; i < 10; i++) t.equal((await login({ ...ada, password: 'x' }, `192.0.2.${address}`)).statusCode, 401)
    pass(minutes(1))
  }
  t.equal(verified(), 100)
  t.equal((await login({ ...ada, password: 'x' }, '192.0.2.99')).statusCode, 401, 'a new address has one attempt')
  isTooMany(t, await login(ada, '192.0.2.99'), 900)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200, 'the owner, at the first attempt')
  t.equal((await login(grace, '192.0.2.99')).statusCode, 200, 'other accounts are at peace')
  pass(minutes(15))
  for (let i = 0; i < 9; i++) t.equal((await login({ ...ada, password: 'x' }, '198.51.100.7')).statusCode, 401)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200, 'the siege is over')
})

t.test('one address cannot bring about a siege, however often it tries', async (t) => {
  const { login } = await start(t, { routes: { login: { config: { rateLimit: false } } } })
  for (let i = 0; i < 300; i++) await login({ ...ada, password: 'x' }, MALLORY)
  t.equal((await login({ ...ada, password: 'x' }, '198.51.100.7')).statusCode, 401)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200)
})

t.test("what another site's page sends from the owner's browser, and what is no attempt, is not counted", async (t) => {
  const { login } = await start(t)
  for (let i = 0; i < 30; i++) t.equal((await login({ ...ada, password: 'x' }, '198.51.100.7', { 'sec-fetch-site': 'cross-site' })).statusCode, 403)
  for (let i = 0; i < 15; i++) t.equal((await login({ username: 'ada' }, '198.51.100.7')).statusCode, 400)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200)
})

t.test('what the host has chosen for its other routes cannot turn the limit into a lock', async (t) => {
  const { login, pass } = await start(t, { routes: { login: { config: { rateLimit: false } } } }, { global: false, ban: 0, continueExceeding: true, exponentialBackoff: true })
  for (let i = 0; i < 40; i++) await login({ ...ada, password: 'x' }, MALLORY)
  pass(minutes(15) - 1)
  isTooMany(t, await login(ada, MALLORY), 1)
  pass(1)
  t.equal((await login(ada, MALLORY)).statusCode, 200)
})

t.test('the address is what the host takes for it', async (t) => {
  const { login } = await start(t, {}, { global: false, keyGenerator: ({ headers }) => String(headers['x-client']) })
  for (let i = 0; i < 10; i++) await login({ ...ada, password: 'x' }, `192.0.2.${i}`, { 'x-client': 'mallory' })
  t.equal((await login(ada, '192.0.2.99', { 'x-client': 'mallory' })).statusCode, 429)
  t.equal((await login(ada, '192.0.2.99', { 'x-client': 'owner' })).statusCode, 200)
})

t.test('a host that trusts a request lets it through', async (t) => {
  const { login } = await start(t, {}, { global: false, allowList: ({ headers }) => headers['x-probe'] === 'yes' })
  for (let i = 0; i < 30; i++) t.equal((await login(ada, MALLORY, { 'x-probe': 'yes' })).statusCode, 200)
})

t.test('both limits can be tuned and switched off in routes.login', async (t) => {
  const codes = async (login: object, payloads: object[], credentials = {}) => {
    const host = await start(t, { routes: { login }, ...credentials })
    const answers = []
    for (const payload of payloads) answers.push((await host.login(payload, MALLORY)).statusCode)
    return answers
  }
  const wrong = { ...ada, password: 'x' }
  t.same(await codes({ config: { rateLimit: { max: 2 } } }, [wrong, { ...grace, password: 'x' }, grace]), [401, 401, 429])
  t.same(await codes({ config: { rateLimit: { max: 1, timeWindow: '1 hour', errorResponseBuilder: () => Object.assign(new Error(), { statusCode: 420 }) } } }, [wrong, wrong]), [401, 420])
  t.same(await codes({ accountRateLimit: { max: 1 } }, [wrong, ada, grace]), [401, 429, 200])
  t.same(await codes({ accountRateLimit: { max: 2, keyGenerator: () => 'all' } }, [wrong, wrong, grace]), [401, 401, 429])
  t.same(new Set(await codes({ config: { rateLimit: false }, accountRateLimit: false }, Array(50).fill(wrong))), new Set([401]))
})

t.test('the account is the username, or else the first string that is no secret', async (t) => {
  const secondAnswer = async (properties: TProperties, vary: string) => {
    const { login } = await start(t, { credentials: Type.Object(properties) as never, userVerifier: { verify: () => null }, routes: { login: { accountRateLimit: { max: 1 } } as object } })
    const body = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, schema === flag ? true : 'x']))
    await login(body, MALLORY)
    return (await login({ ...body, [vary]: vary === 'remember' ? false : 'y' }, MALLORY)).statusCode
  }
  const text = Type.String()
  const flag = Type.Boolean()
  for (const [properties, vary, status, name] of [
    [{ password: text, email: text }, 'password', 429, 'another password, the same account'],
    [{ password: text, email: text }, 'email', 401, 'another account'],
    [{ PassPhrase: text, email: text }, 'PassPhrase', 429, 'however it is spelt'],
    [{ remember: flag, email: text, password: text }, 'remember', 429, 'a flag is no account'],
    [{ tenant: text, username: text, password: text }, 'tenant', 429, 'username goes first'],
    [{ tenant: text, username: text, password: text }, 'username', 401, 'another username'],
    [{ password: text, otp: text }, 'otp', 401, 'no account to be seen: the limit per address is all there is'],
    [{ password: text, otp: text }, 'none', 401, 'even if all is the same']
  ] as const) t.equal(await secondAnswer(properties, vary), status, name)
})

t.test('two instances count apart, and no name is written down', async (t) => {
  const keys: string[] = []
  class Store {
    #counts = new Map<string, number>()
    incr (key: string, callback: (error: null, result: { current: number, ttl: number }) => void, ttl: number) {
      keys.push(key)
      const current = (this.#counts.get(key) ?? 0) + 1
      this.#counts.set(key, current)
      callback(null, { current, ttl })
    }

    child () { return this }
  }
  const settings = { global: false, store: Store as unknown as FastifyRateLimitStoreCtor }
  const routes = { login: { config: { rateLimit: false } } } as const
  const { app } = await start(t, { prefix: '/customers', routes }, settings)
  const other = await start(t, { prefix: '/staff', routes }, settings)
  const count = async (app: FastifyInstance, url: string) => {
    keys.length = 0
    await app.inject({ method: 'POST', url, payload: ada, remoteAddress: MALLORY })
    return [...keys]
  }
  const [customers, staff] = [await count(app, '/customers/login'), await count(other.app, '/staff/login')]
  t.equal(new Set([...customers, ...staff]).size, 4, 'one counter per address, one for all, each on its own')
  for (const key of [...customers, ...staff]) t.match(key, /^[\w-]{43}$/)
})
