// The attack battery: every hostile token, wherever it is put and whatever the kind of key, is refused with the right code, and nothing else happens.
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { InjectOptions } from 'fastify'
import { decodeJwt, type JWTPayload } from 'jose'
import t from 'tap'
import { readKeys, refreshTokenKey } from '../lib/keys.ts'
import { ada, buildApp, days, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'
import { andMember, encode, headerOf, payloadOf, type GoodToken } from './fixtures/good-token.ts'
import { hostileTokens, type HostileToken } from './fixtures/hostile-tokens.ts'
import { hmac, keyKinds, type KeyKind } from './fixtures/key-kinds.ts'

const COOKIE = '__Host-Http-refresh_token'
const ISSUER = 'https://issuer.example'
const WARN = 40

const NOT_TEXT = ['null', 'true', '0', '1', '""', '[]', '["x"]', '{}', '{"$ne":""}']
const NOT_TIME = ['null', 'true', 'false', '""', '"0"', '"1767225600"', '[]', '[1767225600]', '{}', '-1', '1767225600.5', '1e300', '-1e300', '1e400', '-1e400', '9007199254740992', 'NaN', '0x10', '01']

/** Counts what the process connects to, whichever library does it. */
let connections = 0
subscribe('net.client.socket', () => { connections++ })

let tried = 0
t.teardown(() => { t.comment(`${tried} hostile inputs tried, each refused`) })

/** Where a token is put, and what it is answered there: status and code. */
const PLACES: Record<string, { request (token: string): InjectOptions, answer (hostile: HostileToken): string }> = {
  'Authorization header': {
    request: (token) => ({ method: 'GET', url: '/me', headers: { authorization: `Bearer ${token}` } }),
    answer: ({ expired }) => `401 FST_TOKEN_AUTH_${expired === true ? 'EXPIRED' : 'INVALID'}_ACCESS_TOKEN`
  },
  'refresh cookie': {
    request: (token) => ({ method: 'POST', url: '/auth/refresh', headers: { cookie: `${COOKIE}=${token}` } }),
    answer: () => '401 FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN'
  },
  body: {
    request: (token) => ({ method: 'POST', url: '/auth/refresh', payload: { refreshToken: token } }),
    answer: ({ token }) => token.length > 2 ** 20 - 20 ? '413 FST_ERR_CTP_BODY_TOO_LARGE' : token.length > 4096 ? '400 FST_ERR_VALIDATION' : '401 FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN'
  },
  'cookie of a log-out': {
    request: (token) => ({ method: 'POST', url: '/auth/logout', headers: { cookie: `${COOKIE}=${token}` } }),
    answer: () => '204 undefined'
  }
}

/** The guard believes nobody, not even whoever has the key: a mistake of another service that shares it must not become ours. */
function goodAccessToken (kind: KeyKind, token: string): GoodToken {
  const claims = decodeJwt(token) as JWTPayload & { iat: number, exp: number }
  const { iat: now } = claims
  const lifetime = minutes(15) / 1000
  const changed = (change: object) => JSON.stringify({ ...claims, ...change })
  const added = (name: string, values: string[]) => values.map((value) => [`${name} ${value}`, andMember(JSON.stringify(claims), name, value)] as [name: string, payload: string])
  return {
    ...kind,
    token,
    claims: {
      sub: NOT_TEXT,
      sid: NOT_TEXT,
      jti: NOT_TEXT,
      iat: [...NOT_TIME, `${now - 1}`, `${now + 61}`],
      exp: [...NOT_TIME, `${now + lifetime + 1}`, '4102444800'],
      auth_time: NOT_TIME,
      iss: [...NOT_TEXT, '"HTTPS://ISSUER.EXAMPLE"', `"${ISSUER}/"`, `"${ISSUER}.evil.example"`, '"https://issuer.exampl"', `["${ISSUER}"]`],
      aud: [...NOT_TEXT, '"API"', '"api2"', '"ap"', '"api files"', '[["api"]]', '["other"]', '["api",7]', '["api",null]', '["api",""]', '{"0":"api"}']
    },
    payloads: [
      ...added('nbf', ['null', '"0"', 'true', '[]', '{}', '-1', '1.5', '1e300', '1e400', `${now + 1}`]),
      ...added('scope', ['null', '1', 'true', '["read"]', '{}']),
      ...added('__proto__', ['{}', '{"admin":true}', 'null', '1']),
      ...added('constructor', ['{"prototype":{"admin":true}}', 'null', '1']),
      ['__proto__ instead of all claims', `{"__proto__":${JSON.stringify(claims)}}`],
      ['__proto__ within', andMember(JSON.stringify(claims), 'x', '[{"y":{"__proto__":{"admin":true}}}]')],
      ['constructor within', changed({ x: { constructor: 1 } })],
      ['a lifetime too long, from the past', changed({ iat: now - days(1) / 1000 })],
      ['issued in 61 seconds', changed({ iat: now + 61, exp: now + 61 + lifetime })],
      ['expires now', changed({ iat: now - lifetime, exp: now }), true],
      ['expired a second ago', changed({ iat: now - lifetime, exp: now - 1 }), true],
      ['expired in 1970', changed({ exp: 0 }), true],
      ['exp -0', andMember(changed({ exp: undefined }), 'exp', '-0'), true]
    ]
  }
}

/** Signed with a key that is derived from the first secret or private key, whatever its kind. */
function goodRefreshToken ({ secret, known }: KeyKind, token: string): GoodToken {
  const key = readKeys(secret).map(refreshTokenKey)[0]?.secret as Buffer
  const { iat } = decodeJwt(token)
  return {
    token,
    sign: hmac(key),
    siblings: [['HS384', hmac(key, 384)], ['HS512', hmac(key, 512)]],
    known: typeof secret === 'string' ? [["the access tokens' secret", secret], ...known] : known,
    claims: { sid: NOT_TEXT, jti: NOT_TEXT, gen: NOT_TIME, held: NOT_TIME, auth_time: NOT_TIME, iat: NOT_TIME, exp: [...NOT_TIME, '0', '-0', `${iat}`] },
    payloads: []
  }
}

for (const kind of keyKinds) {
  t.test(`${kind.name}: no hostile token gets anywhere`, async (t) => {
    const store = new CountingStore()
    const { app, logs } = await buildApp(t, {
      secret: kind.secret,
      refreshTokenStore: store,
      accessToken: { issuer: ISSUER, audience: ['api', 'files'] },
      refreshToken: { transport: 'both' }
    })
    const browser = new Browser(app)
    await browser.login(ada)
    const refreshToken = browser.cookies.get(COOKIE) as string
    const access = goodAccessToken(kind, browser.accessToken as string)
    const refresh = goodRefreshToken(kind, refreshToken)
    const withShapes = kind.looksFamiliar !== true
    const battery = [...hostileTokens(access, withShapes), ...hostileTokens(refresh, withShapes)]

    // log-out reads a token as refresh does, so one kind of key will do there
    for (const [place, { request, answer }] of Object.entries(PLACES).slice(0, kind === keyKinds[0] ? 4 : 3)) {
      const own = place === 'Authorization header' ? refreshToken : access.token
      const applicable = [...battery, { family: 'a good token', name: 'of the other kind', token: own }]
        // blanks around the value of a cookie and what follows a semicolon are no part of it
        .filter(({ token }) => !place.includes('cookie') || token.split(';')[0]?.trim() !== refreshToken)
      store.take()
      logs.length = connections = 0
      const surprises: string[] = []
      for (const hostile of applicable) {
        const response = await app.inject(request(hostile.token))
        const got = `${response.statusCode} ${response.body === '' ? undefined : response.json().code}`
        if (got !== answer(hostile)) surprises.push(`${hostile.family}: ${hostile.name}: ${got}`)
        if (hostile.token.length > 9 && response.body.includes(hostile.token)) surprises.push(`${hostile.family}: ${hostile.name}: echoed`)
        if (place === 'Authorization header' && response.headers['www-authenticate'] !== 'Bearer error="invalid_token"') surprises.push(`${hostile.family}: ${hostile.name}: no challenge`)
      }
      tried += applicable.length
      t.same(surprises, [], `${applicable.length} in the ${place}`)
      t.same(store.take(), [], 'no store call')
      t.equal(connections, 0, 'no connection')
      t.same(logs.filter(({ level }) => level >= WARN), [], 'nothing at level warn or above')
    }

    // what the battery signs is refused for what it says, not because the battery cannot sign
    for (const [place, good] of [['Authorization header', access], ['body', refresh]] as const) {
      const signedAnew = encode(headerOf(good), payloadOf(good), good.sign)
      t.equal((await app.inject(PLACES[place]?.request(signedAnew) as InjectOptions)).statusCode, 200, `a good token in the ${place}`)
    }
    t.same(store.take(), ['advance'], 'the store that saw nothing can count')
  })
}

t.test('a good token anywhere but where it belongs', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const { accessToken: token } = browser
  const cookie = `${COOKIE}=${browser.cookies.get(COOKIE)}`
  const ask = async (options: InjectOptions) => (await app.inject({ url: '/me', ...options })).json().code
  for (const headers of [
    { cookie },
    { cookie: `${cookie}; access_token=${token}; authorization=Bearer ${token}` },
    { 'x-access-token': token },
    { 'x-forwarded-authorization': `Bearer ${token}` },
    { 'proxy-authorization': `Bearer ${token}` },
    ...['', 'Token ', 'JWT ', 'DPoP ', 'Basic ', 'Bearer: ', 'Bearer=', 'BearerX ', ' Bearer ', 'Basic x, Bearer '].map((scheme) => ({ authorization: `${scheme}${token}`, cookie }))
  ]) t.equal(await ask({ headers: headers as Record<string, string> }), 'FST_TOKEN_AUTH_MISSING_ACCESS_TOKEN', JSON.stringify(headers))
  t.equal(await ask({ url: `/me?access_token=${token}` }), 'FST_TOKEN_AUTH_MISSING_ACCESS_TOKEN', 'RFC 6750 section 2.3')
  t.equal(await ask({ payload: `access_token=${token}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } }), 'FST_TOKEN_AUTH_MISSING_ACCESS_TOKEN', 'RFC 6750 section 2.2')
  for (const authorization of [`Bearer  ${token}`, `Bearer\t${token}`, 'Bearer x', 'Bearer', 'Bearer ', `Bearer "${token}"`, `Bearer ${token}, Bearer ${token}`, `Bearer ${token} realm="x"`]) {
    t.equal(await ask({ headers: { authorization, cookie } }), 'FST_TOKEN_AUTH_INVALID_ACCESS_TOKEN', `'${authorization.slice(0, 9)}…': the cookie does not make up for it`)
  }
  t.equal(await ask({ headers: { authorization: `bEaReR ${token}` } }), undefined, 'the scheme in any case')
})

t.test('a connection would have been seen', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const before = connections
  await once(connect((server.address() as AddressInfo).port, '127.0.0.1').end(), 'connect')
  t.equal(connections, before + 1)
  server.close()
})
