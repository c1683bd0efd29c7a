// accessToken.claims, issuer and audience: what goes into an access token, and what is refused there.
import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, buildApp, userVerifier } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

const withUsers = (role: () => string) => ({ ...userVerifier, findById: (id: string) => ({ id, role: role() }) })

t.test('claims are added at login and rebuilt at each refresh', async (t) => {
  let role = 'member'
  const { app } = await buildApp(t, {
    userVerifier: { verify: () => ({ id: 'u-ada', role }), findById: (id) => ({ id, role }) },
    accessToken: { claims: async (user, session) => ({ role: (user as unknown as { role: string }).role, device: session.details['ip'], nested: { list: [1, { a: null }] } }) }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  t.match((await browser.me()).json().claims, { role: 'member', device: '127.0.0.1', nested: { list: [1, { a: null }] } })
  role = 'admin'
  await browser.refresh()
  t.equal((await browser.me()).json().claims.role, 'admin')
})

t.test('what claims may not return: nothing is issued and no session is left behind', async (t) => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  for (const [claims, message] of [
    [{ sub: 'eve' }, /must not return 'sub'/],
    [{ exp: 1 }, /must not return 'exp'/],
    [{ scope: 'admin' }, /must not return 'scope'/],
    [JSON.parse('{"a":{"__proto__":{}}}'), /'__proto__' and 'constructor'/],
    [{ team: { constructor: 'Ferrari' } }, /'__proto__' and 'constructor'/],
    [circular, /must return JSON/],
    [{ big: 1n }, /must return JSON/],
    [[1], /must return an object/],
    ['text', /must return an object/],
    [null, /must return an object/],
    [{ text: 'x'.repeat(4000) }, /at most 4096/]
  ] as const) {
    const { app } = await buildApp(t, { userVerifier: withUsers(() => ''), accessToken: { claims: () => claims as Record<string, unknown> } })
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
    t.equal(response.statusCode, 500)
    t.match(response.json().code, /INVALID_CLAIMS|TOKEN_TOO_LARGE/)
    t.match(response.json().message, message)
    t.same(await app.tokenAuth.sessions('u-ada'), [])
  }
})

t.test('claims that throw are a 503 and cost nobody a session', async (t) => {
  let fail = false
  const { app } = await buildApp(t, {
    userVerifier: withUsers(() => ''),
    accessToken: { claims () { if (fail) throw new Error('no database'); return {} } }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  fail = true
  t.equal((await browser.refresh()).json().code, 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED')
  fail = false
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('issuer and audience are set, and then required', async (t) => {
  const accessToken = { issuer: 'https://auth.example.com', audience: ['api', 'admin'] }
  const strict = await buildApp(t, { accessToken })
  const plain = await buildApp(t)
  const browser = new Browser(strict.app)
  await browser.login(ada)
  t.match(decodeJwt(browser.accessToken as string), { iss: 'https://auth.example.com', aud: ['api', 'admin'] })
  t.equal((await browser.me()).statusCode, 200)

  for (const [name, options, status] of [
    ['the same', accessToken, 200],
    ['one audience in common', { ...accessToken, audience: 'admin' }, 200],
    ['another audience', { ...accessToken, audience: 'shop' }, 401],
    ['another issuer', { ...accessToken, issuer: 'https://auth.example.com/' }, 401]
  ] as const) {
    const { app } = await buildApp(t, { accessToken: { ...options, ...(Array.isArray(options.audience) && { audience: [...options.audience] }) } as typeof accessToken })
    t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${browser.accessToken}` } })).statusCode, status, name)
  }
  const without = new Browser(plain.app)
  await without.login(ada)
  t.equal((await strict.app.inject({ url: '/me', headers: { authorization: `Bearer ${without.accessToken}` } })).statusCode, 401, 'none at all')
})
