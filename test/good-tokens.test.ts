// What a good access token says, and what else it may say and still be taken: strictness must not keep out what is right.
import { decodeJwt } from 'jose'
import t from 'tap'
import type { TokenAuthOptions } from 'fastify-token-auth'
import { ada, buildApp, SECRET, userVerifier } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { encode, headerOf, type GoodToken } from './fixtures/good-token.ts'
import { hmac } from './fixtures/key-kinds.ts'

const ISSUER = 'https://issuer.example'

t.test('what it says, and nothing more', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const claims = decodeJwt(browser.accessToken as string)
  t.same(Object.keys(claims).sort(), ['auth_time', 'exp', 'iat', 'jti', 'sid', 'sub'])
  t.match(claims.jti, /^[\w-]{22}$/, '128 bits')
  t.match(claims['sid'], /^[\w-]{22}$/, '128 bits')
})

for (const [name, accessToken, change, header = {}] of [
  ['as it is', {}, {}],
  ['issued a minute ahead', {}, { iat: 60, exp: 60 + 900 }],
  ['good from this second on', {}, { nbf: 0 }],
  ['good in five seconds, where five are tolerated', { clockTolerance: '5s' }, { nbf: 5 }],
  ['expires in a second', {}, { exp: 1 }],
  ['expired four seconds ago, where five are tolerated', { clockTolerance: '5s' }, { iat: -900, exp: -4 }],
  ['one audience of several', { audience: ['api', 'files'] }, { aud: ['other', 'files'] }],
  ['one audience, as a string', { audience: 'api' }, { aud: 'api' }],
  ['an issuer that nobody asked for', {}, { iss: ISSUER }],
  ['an audience that nobody asked for', {}, { aud: 7 }],
  ['an empty scope', {}, { scope: '' }],
  ['claims of the app', {}, { role: 'member', deep: [{ a: [null, 1, 'x', true] }], proto: 1, 'constructor ': 2 }],
  ['members of the header that mean nothing here', {}, {}, { cty: 'x', jku: 'http://127.0.0.1:9/', jwk: { kty: 'oct', k: '' }, x: 1 }],
  ['no kid, which is the first key', {}, {}, { kid: undefined }]
] as Array<[name: string, accessToken: TokenAuthOptions['accessToken'], change: Record<string, unknown>, header?: object]>) {
  t.test(name, async (t) => {
    const { app, clock } = await buildApp(t, { accessToken: accessToken as NonNullable<typeof accessToken> })
    const browser = new Browser(app)
    await browser.login(ada)
    const token = browser.accessToken as string
    const now = clock.time / 1000
    // times are relative to now
    const moved = Object.fromEntries(Object.entries(change).map(([claim, value]) => [claim, ['iat', 'nbf', 'exp'].includes(claim) ? now + Number(value) : value]))
    const signed = encode({ ...headerOf({ token } as GoodToken), ...header }, JSON.stringify({ ...decodeJwt(token), ...moved }), hmac(SECRET))
    const response = await app.inject({ url: '/me', headers: { authorization: `Bearer ${signed}` } })
    t.equal(response.statusCode, 200)
    t.match(response.json().claims, moved)
  })
}

t.test('beside other headers, some with a name as long as that of its own, one that names it', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const headers = { 'cache-control': 'no-cache', 'x-correlation': '1', 'content-range': '', 'access-control-request-headers': 'authorization', accept: '*/*' }
  t.equal((await browser.request('GET', '/me', { headers })).statusCode, 200)
})

t.test('4096 characters, and not one more', async (t) => {
  let length = 0
  const { app } = await buildApp(t, { userVerifier: { ...userVerifier, findById: (id) => ({ id }) }, accessToken: { claims: () => ({ x: 'x'.repeat(length) }) } })
  const lengths: number[] = []
  for (length = 2700; ; length++) {
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
    if (response.statusCode !== 200) {
      t.equal(response.json().code, 'FST_TOKEN_AUTH_TOKEN_TOO_LARGE')
      break
    }
    const { accessToken } = response.json() as { accessToken: string }
    lengths.push(accessToken.length)
    if (accessToken.length === 4096) t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })).statusCode, 200)
  }
  t.equal(lengths.at(-1), 4096)
})
