// The demo through HTTP: the whole story of a person who logs in, the restart of the server, and what the demo promises besides.
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createUserVerifier, people } from '../examples/users.ts'
import { startExample, type Example } from './fixtures/example.ts'

const ADA = { username: 'ada', password: 'analytical-engine' }

function post ({ app }: Example, url: string, cookies: Record<string, string> = {}, payload?: object) {
  return app.inject({ method: 'POST', url, cookies, ...payload && { payload } })
}

/** Two hundred log-ins at once, each from an address of its own. */
function crowd ({ app }: Example, payload: object) {
  return Promise.all(Array.from({ length: 200 }, (_, i) => app.inject({ method: 'POST', url: '/auth/login', payload, remoteAddress: `192.0.2.${i}` })))
}

function get ({ app }: Example, url: string, token?: string) {
  return app.inject({ method: 'GET', url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
}

/** What a client keeps of an answer: the access token, and the cookies as a jar. */
function keep (response: LightMyRequestResponse): { token: string, cookies: Record<string, string> } {
  const cookies = Object.fromEntries(response.cookies.map(({ name, value }) => [name, value]))
  return { token: response.json<{ accessToken: string }>().accessToken, cookies }
}

t.test('the whole story: log in, call, expiry, refresh, call again, log out, refused', async (t) => {
  const example = await startExample(t)

  const login = await post(example, '/auth/login', {}, ADA)
  t.equal(login.statusCode, 200)
  t.match(login.json(), { tokenType: 'Bearer', expiresIn: 30 })
  t.match(login.cookies, [{ httpOnly: true, secure: true, sameSite: 'Strict' }])
  const first = keep(login)

  const me = await get(example, '/api/me', first.token)
  t.equal(me.statusCode, 200)
  t.match(me.json(), { name: 'Ada Lovelace', role: 'Analyst', sessionId: String })
  t.notMatch(me.body, /password|argon2/)
  t.match((await get(example, '/api/fortune', first.token)).json(), { fortune: /\w/ })

  example.pass(31)
  const expired = await get(example, '/api/fortune', first.token)
  t.equal(expired.statusCode, 401)
  t.match(expired.json(), { code: 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN' })
  t.equal(expired.headers['www-authenticate'], 'Bearer error="invalid_token"')

  const refresh = await post(example, '/auth/refresh', first.cookies)
  t.equal(refresh.statusCode, 200)
  const second = keep(refresh)
  t.not(second.token, first.token)
  t.notSame(second.cookies, first.cookies)
  t.equal((await get(example, '/api/fortune', second.token)).statusCode, 200)

  const logout = await post(example, '/auth/logout', second.cookies)
  t.equal(logout.statusCode, 204)
  t.match(logout.cookies, [{ value: '' }])
  const refused = await post(example, '/auth/refresh', second.cookies)
  t.equal(refused.statusCode, 401)
  t.match(refused.json(), { code: 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN' })
  t.equal((await get(example, '/api/me')).statusCode, 401)
})

t.test('a restart of the server keeps the session and the secret', async (t) => {
  const example = await startExample(t)
  const before = keep(await post(example, '/auth/login', {}, ADA))

  await example.stop()
  await example.start()

  t.equal((await get(example, '/api/me', before.token)).statusCode, 200, 'the access token is still good')
  const refresh = await post(example, '/auth/refresh', before.cookies)
  t.equal(refresh.statusCode, 200, 'and so is the session')
  t.match((await get(example, '/api/me', keep(refresh).token)).json(), { name: 'Ada Lovelace' })
})

t.test('two people, each with a session of their own', async (t) => {
  const example = await startExample(t)
  for (const { username, password, name, role } of people) {
    const { token } = keep(await post(example, '/auth/login', {}, { username, password }))
    t.match((await get(example, '/api/me', token)).json(), { name, role })
  }
})

t.test('an unknown name and a wrong password get one and the same answer', async (t) => {
  const example = await startExample(t)
  const wrong = await post(example, '/auth/login', {}, { ...ADA, password: 'wrong' })
  const unknown = await post(example, '/auth/login', {}, { ...ADA, username: 'nobody' })
  t.equal(wrong.statusCode, 401)
  t.same([unknown.statusCode, unknown.body], [wrong.statusCode, wrong.body])
})

t.test('more log-ins at once than the machine can hash are answered 503, and the next one is served', async (t) => {
  const example = await startExample(t)
  const answers = await crowd(example, ADA)
  const turnedAway = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(turnedAway.length > 0)
  t.equal(turnedAway.length + answers.filter(({ statusCode }) => statusCode === 200).length, 200)
  t.ok(turnedAway.every(({ headers }) => headers['retry-after'] === '1'))
  t.equal((await post(example, '/auth/login', {}, ADA)).statusCode, 200)
})

t.test('an unknown name costs a hash as well: a crowd of them is turned away just the same', async (t) => {
  const example = await startExample(t)
  const answers = await crowd(example, { username: 'nobody', password: 'wrong' })
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))].sort(), [401, 503])
})

t.test('who goes on guessing at a password is put off', async (t) => {
  const example = await startExample(t)
  const guesses = []
  for (let i = 0; i < 11; i++) guesses.push(await post(example, '/auth/login', {}, { ...ADA, password: `guess ${i}` }))
  t.same(guesses.slice(0, 10).map(({ statusCode }) => statusCode), Array(10).fill(401))
  t.equal(guesses[10]?.statusCode, 429)
  t.match(guesses[10]?.headers['retry-after'], /^\d+$/)
})

t.test('a person is found by id for as long as there is one', async (t) => {
  const users = await createUserVerifier()
  t.same(users.findById('p-1906'), { id: 'p-1906', username: 'grace', name: 'Grace Hopper', role: 'Rear admiral' })
  t.equal(users.findById('p-0'), null)
})

t.test('the page comes with headers that let nothing foreign in', async (t) => {
  const example = await startExample(t)
  const page = await get(example, '/')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], 'text/html')
  t.match(page.headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.match(policy, "frame-ancestors 'none'")
  t.notMatch(policy, 'unsafe')
  t.notMatch(page.body, /<script>|<style>| style=| on\w+=/)
})

t.test('the page imports the client by its name, and the policy lets in its import map and no other inline script', async (t) => {
  const example = await startExample(t)
  const page = await get(example, '/')
  const [, importMap = ''] = /<script type="importmap">([^]*?)<\/script>/.exec(page.body) ?? []
  t.same(JSON.parse(importMap), { imports: { 'fastify-token-auth/client': '/client.js' } })
  const hash = createHash('sha256').update(importMap).digest('base64')
  t.match(page.headers['content-security-policy'], `script-src 'self' 'sha256-${hash}';`)
  const client = await get(example, '/client.js')
  t.match(client.headers['content-type'], 'text/javascript')
  const { createAuthClient } = await import(`data:text/javascript,${encodeURIComponent(client.body)}`) as typeof import('fastify-token-auth/client')
  t.equal(createAuthClient({ baseUrl: 'http://localhost' }).state, 'unknown')
})

t.test('the store can be made to fail for ten seconds: 503, the cookie is left alone, the guard goes on', async (t) => {
  const example = await startExample(t)
  const { token, cookies } = keep(await post(example, '/auth/login', {}, ADA))
  const outage = await example.app.inject({ method: 'POST', url: '/demo/outage/store', headers: { authorization: `Bearer ${token}` } })
  t.same(outage.json(), { seconds: 10 })

  for (const response of [await post(example, '/auth/refresh', cookies), await post(example, '/auth/logout', cookies), await post(example, '/auth/login', {}, ADA), await get(example, '/auth/sessions', token)]) {
    t.equal(response.statusCode, 503)
    t.match(response.json(), { code: 'FST_TOKEN_AUTH_STORE_UNAVAILABLE' })
    t.equal(response.headers['retry-after'], '1')
    t.same(response.cookies, [])
  }
  t.equal((await get(example, '/api/me', token)).statusCode, 200)

  example.pass(10)
  t.equal((await post(example, '/auth/refresh', cookies)).statusCode, 200)
})

t.test('the network can be made to fail for ten seconds: calls are cut off, the page is served', async (t) => {
  const example = await startExample(t)
  await example.listen()
  const { token } = keep(await post(example, '/auth/login', {}, ADA))
  const headers = { authorization: `Bearer ${token}` }
  const call = (path: string, method = 'GET') => fetch(example.origin + path, { method, headers }).then(({ status }) => status)
  t.equal(await call('/demo/outage/network', 'POST'), 200)
  await t.rejects(call('/api/me'))
  await t.rejects(call('/auth/refresh', 'POST'))
  t.equal(await call('/'), 200)

  example.pass(10)
  t.equal(await call('/api/me'), 200)
})

t.test('nothing can be made to fail by who is not signed in', async (t) => {
  const example = await startExample(t)
  for (const part of ['store', 'network']) t.equal((await post(example, `/demo/outage/${part}`)).statusCode, 401)
  t.equal((await post(example, '/auth/login', {}, ADA)).statusCode, 200)
})

t.test('the secret is made once, for nobody else to read, and left alone where the environment has one', async (t) => {
  const secretOf = ({ folder }: Example) => join(folder, 'secret')
  const made = await startExample(t)
  t.equal(statSync(secretOf(made)).mode & 0o777, 0o600)
  t.equal(Buffer.from(readFileSync(secretOf(made), 'utf8'), 'base64url').length, 48)

  process.env['AUTH_SECRET'] = 'of the environment, long enough for HS256'
  t.teardown(() => { delete process.env['AUTH_SECRET'] })
  const given = await startExample(t)
  t.throws(() => statSync(secretOf(given)), { code: 'ENOENT' })
  t.equal((await post(given, '/auth/login', {}, ADA)).statusCode, 200)
})
