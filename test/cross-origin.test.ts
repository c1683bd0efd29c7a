// Cross-origin protection: the matrix of Sec-Fetch-Site, Origin and allowedOrigins.
import t from 'tap'
import { buildApp } from './fixtures/app.ts'

const OWN = 'https://app.example.com'
const FRIEND = 'https://friend.example.com'
const EVIL = 'https://evil.example'

/** Whether each passes: the `Sec-Fetch-Site` header, then the `Origin` header. */
const matrix: Array<[site: string | undefined, origin: string | undefined, passes: boolean]> = [
  [undefined, undefined, true], // no browser
  ['same-origin', undefined, true],
  ['same-origin', OWN, true],
  ['same-origin', EVIL, true], // the browser knows better than the header, which a proxy may have rewritten
  ['none', undefined, true],
  ['same-site', undefined, false],
  ['same-site', OWN, false],
  ['same-site', FRIEND, true],
  ['cross-site', undefined, false],
  ['cross-site', EVIL, false],
  ['cross-site', 'null', false],
  ['cross-site', FRIEND, true],
  ['cross-site', 'https://friend.example.com:8443', false],
  ['cross-site', 'http://friend.example.com', false],
  ['cross-site', 'https://FRIEND.example.com', false],
  ['cross-site', 'https://friend.example.com.evil.example', false],
  ['Same-Origin', undefined, false],
  ['', undefined, false],
  ['nonsense', undefined, false],
  [undefined, OWN, true],
  [undefined, 'https://APP.example.com', true],
  [undefined, 'https://app.example.com:443', true],
  [undefined, 'https://app.example.com:8443', false],
  [undefined, 'http://app.example.com', true], // the server does not know which scheme a proxy speaks
  [undefined, FRIEND, true],
  [undefined, EVIL, false],
  [undefined, 'null', false],
  [undefined, '', false],
  [undefined, 'nonsense', false]
]

t.test('who may call the routes that a cookie opens', async (t) => {
  const { app } = await buildApp(t, { allowedOrigins: [FRIEND] }, {
    after (app) {
      app.post('/log-in-otherwise', { onRequest: app.tokenAuth.refuseCrossOrigin }, async (request, reply) => await app.tokenAuth.login(reply, { id: 'u-ada' }))
    }
  })
  for (const url of ['/auth/login', '/auth/refresh', '/auth/logout', '/log-in-otherwise']) {
    for (const [site, origin, passes] of matrix) {
      const response = await app.inject({
        method: 'POST',
        url,
        headers: { host: 'App.example.com', 'content-type': 'application/json', ...(site !== undefined && { 'sec-fetch-site': site }), ...(origin !== undefined && { origin }) },
        payload: url === '/auth/login' ? { username: 'x', password: 'x' } : {}
      })
      const name = `${url} Sec-Fetch-Site: ${site ?? '-'} Origin: ${origin ?? '-'}`
      if (passes) t.not(response.statusCode, 403, name)
      else t.match(response.json(), { statusCode: 403, code: 'FST_TOKEN_AUTH_CROSS_ORIGIN' }, name)
      if (url.startsWith('/auth/')) t.equal(response.headers['vary'], 'Origin, Sec-Fetch-Site', name)
      t.notOk(Object.keys(response.headers).some((header) => header.startsWith('access-control-')), 'no CORS headers of our own')
    }
  }
})

t.test('a guarded route takes a bearer token from anywhere: no cookie opens it', async (t) => {
  const { app } = await buildApp(t)
  const login = await app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'ada', password: 'lovelace' } })
  const authorization = `Bearer ${login.json().accessToken}`
  for (const url of ['/me', '/auth/sessions']) {
    t.equal((await app.inject({ url, headers: { authorization, 'sec-fetch-site': 'cross-site', origin: EVIL } })).statusCode, 200, url)
  }
})

t.test('Vary keeps what the host has put there', async (t) => {
  const { app } = await buildApp(t, {}, {
    before (app) { app.addHook('onRequest', async (request, reply) => { reply.header('vary', ['Accept-Encoding, Origin', 'Accept']) }) }
  })
  t.equal((await app.inject({ method: 'POST', url: '/auth/logout' })).headers['vary'], 'Accept-Encoding, Origin, Accept, Sec-Fetch-Site')
})
