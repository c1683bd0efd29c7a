// Options: every refusal with its message, and the defaults that need no telling.
import Fastify from 'fastify'
import t from 'tap'
import tokenAuth, { MemoryStore, type TokenAuthOptions } from 'fastify-token-auth'
import { Type } from 'typebox'
import { ada, buildApp, SECRET, userVerifier } from './fixtures/app.ts'

/** What the host writes beside a good secret and verifier, and what it is told. */
const refusals: Array<[options: Record<string, unknown>, message: RegExp]> = [
  [{ secret: undefined }, /^secret is required: a string or Buffer/],
  [{ secret: 7 }, /^secret is required/],
  [{ secret: '' }, /^secret is blank/],
  [{ secret: ' '.repeat(40) }, /^secret is blank/],
  [{ secret: 'x'.repeat(31) }, /^secret is too short: 31 bytes/],
  [{ secret: Buffer.alloc(31, 1) }, /^secret is too short: 31 bytes/],
  [{ secret: [] }, /^secret must not be an empty array/],
  [{ secret: [SECRET, 'short'] }, /^secret is too short/],
  [{ secret: [SECRET, SECRET] }, /^secret has the same key or the same kid twice/],
  [{ secret: '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA' }, /^secret is the text of a PEM/],
  [{ secret: '\uFEFF \n# key\n-----BEGIN RSA PRIVATE KEY-----\nMCowBQYDK2VwAyEA' }, /^secret is the text of a PEM/],
  [{ secret: Buffer.from('-----BEGIN CERTIFICATE-----\nMCowBQYDK2VwAyEA') }, /^secret is the text of a PEM/],
  [{ secret: '{ "kty" : "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg" }' }, /^secret is the text of a PEM, JWK/],
  [{ secret: '# jwks\n{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZpt"}]}' }, /^secret is the text of a PEM, JWK/],
  [{ userVerifier: undefined }, /^userVerifier must be an object with a verify/],
  [{ userVerifier: {} }, /^userVerifier.verify must be a function/],
  [{ userVerifier: { verify: 1 } }, /^userVerifier.verify must be a function/],
  [{ userVerifier: { ...userVerifier, findById: true } }, /^userVerifier.findById must be a function/],
  [{ refreshTokenStore: 'redis' }, /^refreshTokenStore must be a RefreshTokenStore/],
  [{ refreshTokenStore: {} }, /^refreshTokenStore.create must be a function of the RefreshTokenStore contract/],
  [{ storeTimeout: '0s' }, /^storeTimeout must be a duration above zero/],
  [{ prefix: 'auth' }, /^prefix must be '' or a path/],
  [{ prefix: '/auth/' }, /^prefix must be '' or a path/],
  [{ credentials: { username: 'string' } }, /^credentials must be a TypeBox object/],
  [{ credentials: Type.String() }, /^credentials must be a TypeBox object/],
  [{ accesToken: {} }, /^accesToken is not an option; there are secret, userVerifier, /],
  [{ accessToken: 1 }, /^accessToken must be an object/],
  [{ accessToken: { expires: '1m' } }, /^accessToken.expires is not an option; there are expiresIn, issuer/],
  [{ accessToken: { expiresIn: '900' } }, /^accessToken.expiresIn must be a duration above zero with its unit/],
  [{ accessToken: { expiresIn: -1 } }, /^accessToken.expiresIn must be a duration/],
  [{ accessToken: { expiresIn: 0 } }, /^accessToken.expiresIn must be a duration/],
  [{ accessToken: { expiresIn: NaN } }, /^accessToken.expiresIn must be a duration/],
  [{ accessToken: { expiresIn: Infinity } }, /^accessToken.expiresIn must be a duration/],
  [{ accessToken: { expiresIn: '15 parsecs' } }, /^accessToken.expiresIn must be a duration/],
  [{ accessToken: { expiresIn: null } }, /^accessToken.expiresIn must be a duration/],
  [{ accessToken: { expiresIn: '500ms' } }, /^accessToken.expiresIn must be at least one second/],
  [{ accessToken: { expiresIn: '8d' } }, /^accessToken.expiresIn must not be longer than refreshToken.idleTimeout/],
  [{ accessToken: { issuer: '' } }, /^accessToken.issuer must be a string that is not empty/],
  [{ accessToken: { audience: [] } }, /^accessToken.audience must be a string or an array/],
  [{ accessToken: { audience: ['api', ''] } }, /^accessToken.audience must be a string or an array/],
  [{ accessToken: { clockTolerance: 'a while' } }, /^accessToken.clockTolerance must be a duration of at most '60s', or 0/],
  [{ accessToken: { clockTolerance: '2m' } }, /^accessToken.clockTolerance must be a duration of at most '60s', or 0/],
  [{ accessToken: { claims: {} } }, /^accessToken.claims must be a function/],
  [{ accessToken: { claims: () => ({}) } }, /^accessToken.claims needs userVerifier.findById/],
  [{ refreshToken: { expiresIn: '1d', idleTimeout: '2d' } }, /^refreshToken.idleTimeout must not be longer than refreshToken.expiresIn/],
  [{ refreshToken: { idleTimeout: '1h', leeway: '20m' } }, /^refreshToken.leeway must be shorter than a third of refreshToken.idleTimeout/],
  [{ refreshToken: { strict: 'yes' } }, /^refreshToken.strict must be true or false/],
  [{ refreshToken: { transport: 'header' } }, /^refreshToken.transport must be 'cookie', 'body' or 'both'/],
  [{ cookie: { name: '' } }, /^cookie.name must be a cookie name/],
  [{ cookie: { name: 'a b' } }, /^cookie.name must be a cookie name/],
  [{ cookie: { name: 'a\r\nb' } }, /^cookie.name must be a cookie name/],
  [{ cookie: { name: 'x'.repeat(4000) } }, /^cookie.name is too long/],
  [{ cookie: { path: 'auth' } }, /^cookie.path must be a path/],
  [{ cookie: { path: '/;x' } }, /^cookie.path must be a path/],
  [{ cookie: { domain: 'a b' } }, /^cookie.domain must be a domain/],
  [{ cookie: { domain: '.example.com' } }, /^cookie.domain must be a domain/],
  [{ cookie: { sameSite: 'None' } }, /^cookie.sameSite must be 'strict', 'lax' or 'none'/],
  [{ cookie: { sameSite: 'none', secure: false } }, /^cookie.sameSite 'none' needs secure: true/],
  [{ cookie: { partitioned: true, secure: false } }, /^cookie.partitioned needs secure: true/],
  [{ cookie: { name: '__Host-session', path: '/auth' } }, /^cookie.name '__Host-session' has the prefix __Host-/],
  [{ cookie: { name: '__Host-Http-session', domain: 'example.com' } }, /^cookie.name .* has the prefix __Host-/],
  [{ cookie: { name: '__host-session', secure: false } }, /^cookie.name .* has the prefix __Host-/],
  [{ cookie: { name: '__Secure-session', secure: false } }, /^cookie.name '__Secure-session' has a prefix that needs secure/],
  [{ cookie: { httpOnly: false } }, /^cookie.httpOnly is not an option/],
  [{ allowedOrigins: '*' }, /^allowedOrigins must be an array of origins/],
  [{ allowedOrigins: ['*'] }, /^allowedOrigins.0 must be an origin/],
  [{ allowedOrigins: ['https://app.example.com/'] }, /^allowedOrigins.0 must be an origin/],
  [{ allowedOrigins: ['https://a.example', 'https://B.example'] }, /^allowedOrigins.1 must be an origin/],
  [{ allowedOrigins: ['null'] }, /^allowedOrigins.0 must be an origin/],
  [{ routes: { signup: true } }, /^routes.signup is not an option; there are login, refresh/],
  [{ routes: { login: 'signin' } }, /^routes.login must be false, a path/],
  [{ maxSessionsPerUser: 0 }, /^maxSessionsPerUser must be a whole number above zero/],
  [{ describeSession: {} }, /^describeSession must be a function/],
  [{ onEvent: 'log' }, /^onEvent must be a function/],
  [{ clock: 0 }, /^clock must be a function/],
  [{ scope: ['read'] }, /^scope must be a function/]
]

t.test('a set-up that cannot work or is not secure does not start', async (t) => {
  for (const [options, message] of refusals) {
    const app = Fastify()
    t.teardown(() => app.close())
    await t.rejects(
      async () => { await app.register(tokenAuth, { secret: SECRET, userVerifier, ...options } as TokenAuthOptions) },
      { name: 'TokenAuthError', code: 'FST_TOKEN_AUTH_INVALID_OPTION', message },
      String(message))
  }
})

t.test('in production, a cookie that is sent over plain http is refused', async (t) => {
  const register = async () => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(tokenAuth, { secret: SECRET, userVerifier, cookie: { secure: false } })
  }
  const { NODE_ENV: before } = process.env
  t.teardown(() => { if (before === undefined) delete process.env['NODE_ENV']; else process.env['NODE_ENV'] = before })
  process.env['NODE_ENV'] = 'production'
  await t.rejects(register(), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /^cookie.secure must not be false in production/ })
  process.env['NODE_ENV'] = 'development'
  await t.resolves(register())
})

t.test('no message tells the secret', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const secret of ['hunter2', '-----BEGIN hunter2 and some more text, 32 bytes and above']) {
    const err = await Promise.resolve(app.register(tokenAuth, { secret, userVerifier })).then(() => null, (err: Error) => err)
    t.ok(err)
    t.notMatch(err?.message, /hunter2/)
  }
})

t.test('needs an object', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(async () => { await app.register(tokenAuth, {} as TokenAuthOptions) }, { code: 'FST_TOKEN_AUTH_INVALID_OPTION' })
})

t.test("the caller's options are left as they are", async (t) => {
  const options: TokenAuthOptions = Object.freeze({
    secret: Object.freeze([SECRET]) as string[],
    userVerifier: Object.freeze({ ...userVerifier }),
    accessToken: Object.freeze({ expiresIn: 60 }),
    refreshToken: Object.freeze({ idleTimeout: '1h' }),
    cookie: Object.freeze({ name: 'sid' }),
    routes: Object.freeze({ login: Object.freeze({ config: Object.freeze({ a: 1 } as object) }), logout: '/out' })
  })
  const before = structuredClone({ ...options, userVerifier: undefined })
  const { app } = await buildApp(t, options)
  t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).json().expiresIn, 60)
  t.same({ ...options, userVerifier: undefined }, before)
})

t.test('a Buffer that is wiped after registration does no harm', async (t) => {
  const secret = Buffer.from(SECRET)
  const { app } = await buildApp(t, { secret })
  secret.fill(0)
  const token = (await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).json().accessToken
  const same = await buildApp(t)
  t.equal((await same.app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })).statusCode, 200)
})

t.test('the cookie prefix is the strongest that its attributes allow', async (t) => {
  for (const [cookie, expected] of [
    [{}, /^__Host-Http-refresh_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Strict$/],
    [{ name: 'staff', sameSite: 'lax' }, /^__Host-Http-staff=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/],
    [{ path: '/auth' }, /^__Secure-refresh_token=[^;]+; Max-Age=604800; Path=\/auth; HttpOnly; Secure; SameSite=Strict$/],
    [{ domain: 'example.com' }, /^__Secure-refresh_token=[^;]+; Max-Age=604800; Domain=example\.com; Path=\/; HttpOnly; Secure; SameSite=Strict$/],
    [{ secure: false }, /^refresh_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/],
    [{ name: '__Host-sid' }, /^__Host-sid=/],
    [{ name: '__Secure-sid', path: '/x' }, /^__Secure-sid=/],
    [{ sameSite: 'none', partitioned: true }, /^__Host-Http-refresh_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; Partitioned; SameSite=None$/]
  ] as const) {
    const { app } = await buildApp(t, { cookie })
    t.match((await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).headers['set-cookie'], expected)
  }
})

t.test('prefix and routes: renamed, left out, added to', async (t) => {
  const { app } = await buildApp(t, {
    prefix: '/api/v1',
    routes: {
      login: { config: { limit: 5 } as object, preHandler: async (request, reply) => { reply.header('x-limit', (request.routeOptions.config as unknown as { limit: number }).limit) } },
      refresh: '/token',
      logout: false,
      sessions: '/devices'
    }
  })
  const login = await app.inject({ method: 'POST', url: '/api/v1/login', payload: ada })
  t.equal(login.statusCode, 200)
  t.equal(login.headers['x-limit'], '5')
  t.equal((await app.inject({ method: 'POST', url: '/api/v1/token' })).json().code, 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN')
  t.equal((await app.inject({ method: 'POST', url: '/api/v1/refresh' })).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/api/v1/logout' })).statusCode, 404)
  const authorization = `Bearer ${login.json().accessToken}`
  t.equal((await app.inject({ url: '/api/v1/devices', headers: { authorization } })).json().length, 1)
  t.equal((await app.inject({ method: 'DELETE', url: '/api/v1/devices/x', headers: { authorization } })).statusCode, 404)
  const bare = await buildApp(t, { prefix: '', routes: { sessions: false } })
  t.equal((await bare.app.inject({ method: 'POST', url: '/login', payload: ada })).statusCode, 200)
  t.equal((await bare.app.inject({ url: '/sessions' })).statusCode, 404)
})

t.test('credentials of its own kind', async (t) => {
  const { app } = await buildApp(t, {
    credentials: Type.Object({ email: Type.String({ minLength: 3 }), pin: Type.Integer() }),
    userVerifier: { verify: (credentials: unknown) => ({ id: JSON.stringify(credentials) }) }
  } as never)
  const login = async (payload: object) => await app.inject({ method: 'POST', url: '/auth/login', payload })
  t.equal((await login(ada)).statusCode, 400)
  t.equal((await login({ email: 'a@b.c', pin: 1234 })).statusCode, 200)
})

t.test('without a store, sessions are kept in memory and start-up says so', async (t) => {
  const { app, logs } = await buildApp(t, { refreshTokenStore: undefined as never })
  t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).statusCode, 200)
  const warnings = (logged: typeof logs) => logged.filter(({ level, msg }) => level === 40 && msg.includes('memory'))
  t.match(warnings(logs), [{ msg: /sessions are kept in memory, lost at restart/ }])
  const given = await buildApp(t, { refreshTokenStore: new MemoryStore() })
  t.same(warnings(given.logs), [])
})

t.test('the clock is the real one, unless it is given', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(tokenAuth, { secret: SECRET, userVerifier })
  const before = Date.now()
  const { accessToken } = (await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).json()
  t.ok(app.tokenAuth.verifyAccessToken(accessToken).expiresAt.getTime() > before)
})
