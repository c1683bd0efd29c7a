// Secrets and key pairs: what signs, what verifies, how keys are rotated without a single person logged out, and what other services can verify.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createLocalJWKSet, createRemoteJWKSet, calculateJwkThumbprint, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { MemoryStore, type Secret } from 'fastify-token-auth'
import { ada, buildApp, minutes, SECRET, TestClock } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

const pem = (key: KeyObject) => key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' } as { format: 'pem', type: 'pkcs8' }).toString()

const ed25519 = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

const keys: Array<[name: string, secret: Secret, alg: string]> = [
  ['a secret', SECRET, 'HS256'],
  ['a secret in a Buffer', Buffer.alloc(32, 7), 'HS256'],
  ['Ed25519', ed25519, 'EdDSA'],
  ['P-256', p256, 'ES256'],
  ['RSA', rsa, 'RS256'],
  ['PEM of Ed25519', { privateKey: pem(ed25519.privateKey) }, 'EdDSA'],
  ['PEM of P-256 in the SEC1 format', { privateKey: p256.privateKey.export({ format: 'pem', type: 'sec1' }) }, 'ES256'],
  ['PEM of RSA in the PKCS#1 format', { privateKey: Buffer.from(rsa.privateKey.export({ format: 'pem', type: 'pkcs1' })), publicKey: pem(rsa.publicKey) }, 'RS256']
]

for (const [name, secret, alg] of keys) {
  t.test(`${name}: the algorithm follows from the key`, async (t) => {
    const { app } = await buildApp(t, { secret })
    const browser = new Browser(app)
    await browser.login(ada)
    t.match(decodeProtectedHeader(browser.accessToken as string), { alg, typ: 'at+jwt', kid: String })
    t.equal((await browser.me()).statusCode, 200)
    t.equal((await browser.refresh()).statusCode, 200)
    t.equal((await browser.me()).statusCode, 200)
    t.equal(decodeProtectedHeader(browser.cookies.get('__Host-Http-refresh_token') as string).alg, 'HS256', 'the refresh key is derived')
  })
}

t.test('the same key in another format is the same key', async (t) => {
  const [a, b] = [await buildApp(t, { secret: p256, refreshTokenStore: new MemoryStore() }), await buildApp(t, { secret: { privateKey: p256.privateKey.export({ format: 'pem', type: 'sec1' }) } })]
  const browser = new Browser(a.app)
  await browser.login(ada)
  const elsewhere = new Browser(b.app)
  elsewhere.accessToken = browser.accessToken
  t.equal((await elsewhere.me()).statusCode, 200)
})

t.test('keys that are refused', async (t) => {
  const secret = { privateKey: ed25519.privateKey }
  for (const [key, message] of [
    [{ privateKey: 'garbage' }, /has a privateKey that is none/],
    [{ privateKey: undefined }, /has a privateKey that is none/],
    [{ privateKey: pem(ed25519.publicKey) }, /has a privateKey that is none/],
    [{ privateKey: ed25519.publicKey }, /has a privateKey that is none/],
    [{ ...secret, publicKey: 'garbage' }, /has a publicKey that is none/],
    [{ ...secret, publicKey: p256.publicKey }, /has a publicKey that does not belong to its privateKey/],
    [{ ...secret, kid: '' }, /has a kid that is none/],
    [{ ...secret, kid: 'a b' }, /has a kid that is none/],
    [{ ...secret, kid: 7 }, /has a kid that is none/],
    [[{ ...secret, kid: 'a' }, { ...rsa, kid: 'a' }], /the same key or the same kid twice/],
    [{ publicKey: ed25519.publicKey }, /is required: .*a key pair \{ privateKey \}/],
    [ed25519.privateKey, /is required/],
    [generateKeyPairSync('rsa', { modulusLength: 1024 }), /\(rsa, 1024\): use Ed25519, P-256 or RSA of at least 2048 bits/],
    [generateKeyPairSync('ec', { namedCurve: 'P-384' }), /\(ec, secp384r1\)/],
    [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), /\(ec, secp256k1\)/],
    [generateKeyPairSync('ed448'), /\(ed448, no details\)/],
    [generateKeyPairSync('x25519'), /\(x25519, no details\)/],
    [generateKeyPairSync('rsa-pss', { modulusLength: 2048 }), /\(rsa-pss, 2048\)/]
  ] as const) {
    await t.rejects(buildApp(t, { secret: key as Secret }), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message }, String(message))
  }
})

t.test('rotating keys: nobody is logged out', async (t) => {
  const clock = new TestClock()
  const store = new MemoryStore({ clock: clock.now })
  const [old, fresh]: [Secret, Secret] = [SECRET, ed25519]
  const running = async (...secret: Secret[]) => (await buildApp(t, { secret, refreshTokenStore: store, clock: clock.now })).app
  const before = await running(old)
  const published = await running(old, fresh)
  const switched = await running(fresh, old)
  const after = await running(fresh)

  let browser = new Browser(before)
  await browser.login(ada)
  const stale = browser.copy()
  for (const app of [published, switched, after]) {
    browser = browser.copy(app)
    t.equal((await browser.me()).statusCode, 200, 'the access token is still good')
    t.equal((await browser.refresh()).statusCode, 200, 'and so is the refresh token')
    clock.advance(minutes(14))
  }
  t.equal((await stale.copy(after).refresh()).statusCode, 401, 'a retired key is retired')
})

t.test('a token names a key that is configured, or none and then the first', async (t) => {
  const { app, clock } = await buildApp(t, { secret: [{ ...ed25519, kid: 'one' }, { ...p256, kid: 'two' }] })
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal(decodeProtectedHeader(browser.accessToken as string).kid, 'one')
  const now = clock.time / 1000
  const claims = { sub: 'u-ada', sid: 's', jti: 'j', auth_time: now }
  const sign = async (header: object, key: KeyObject) => await new SignJWT(claims).setIssuedAt(now).setExpirationTime(now + 60)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...header }).sign(key)
  const me = async (token: string) => (await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })).statusCode
  t.equal(await me(await sign({ kid: 'one' }, ed25519.privateKey)), 200)
  t.equal(await me(await sign({}, ed25519.privateKey)), 200)
  t.equal(await me(await sign({ kid: 'two', alg: 'ES256' }, p256.privateKey)), 200)
  t.equal(await me(await sign({ kid: 'two' }, ed25519.privateKey)), 401)
  for (const kid of ['three', '__proto__', 'constructor', '']) t.equal(await me(await sign({ kid }, ed25519.privateKey)), 401, kid)
})

t.test('the key set: other services verify our tokens with it', async (t) => {
  const { app, clock } = await buildApp(t, { secret: [ed25519, { ...rsa, kid: 'next' }, SECRET] })
  const browser = new Browser(app)
  await browser.login(ada)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const response = await fetch(`${origin}/auth/jwks.json`)
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^application\/jwk-set\+json\b/)
  t.equal(response.headers.get('cache-control'), 'public, max-age=300')
  const set = await response.json() as { keys: Array<Record<string, string>> }
  t.match(set.keys, [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' }, { kty: 'RSA', kid: 'next', alg: 'RS256', use: 'sig' }])
  t.equal(set.keys.length, 2, 'a secret is shown to nobody')
  for (const key of set.keys) for (const member of ['d', 'k', 'p', 'q']) t.notOk(member in key)
  t.equal(set.keys[0]?.['kid'], await calculateJwkThumbprint(createPublicKey(ed25519.privateKey).export({ format: 'jwk' }) as never))

  const verified = await jwtVerify(browser.accessToken as string, createRemoteJWKSet(new URL(`${origin}/auth/jwks.json`)), {
    typ: 'at+jwt', algorithms: ['EdDSA'], currentDate: new Date(clock.time)
  })
  t.equal(verified.payload.sub, 'u-ada')
  t.ok(await jwtVerify(browser.accessToken as string, createLocalJWKSet(app.tokenAuth.jwks() as never), { currentDate: new Date(clock.time) }))
  app.tokenAuth.jwks().keys.length = 0
  t.equal(app.tokenAuth.jwks().keys.length, 2, 'a copy')
})

t.test('secrets have no key set', async (t) => {
  const { app } = await buildApp(t)
  t.equal((await app.inject({ url: '/auth/jwks.json' })).statusCode, 404)
  t.same(app.tokenAuth.jwks(), { keys: [] })
  const off = await buildApp(t, { secret: ed25519, routes: { jwks: false } })
  t.equal((await off.app.inject({ url: '/auth/jwks.json' })).statusCode, 404)
})
