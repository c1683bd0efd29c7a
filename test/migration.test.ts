// docs/migration.md: its code, word for word, and who was logged in before is so after.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { MemoryStore } from 'fastify-token-auth'
import { SECRET } from './fixtures/app.ts'
import { build as buildAfter } from './fixtures/migration/after.ts'
import { build as buildBefore } from './fixtures/migration/before.ts'
import { users } from './fixtures/migration/users.ts'

const OLD_SECRET = 'the secret of the time before, long enough'
const credentials = { username: 'ada', password: 'analytical-engine' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Both apps, and the tokens of somebody who is logged in to the old one. */
async function start (secret = SECRET) {
  const before = await buildBefore(OLD_SECRET)
  const store = new MemoryStore()
  const after = await buildAfter(secret, OLD_SECRET, store)
  after.post('/as-grace', async (request, reply) => await after.tokenAuth.login(reply, { id: '2' }))
  t.teardown(() => Promise.all([before.close(), after.close()]))
  const login = await before.inject({ method: 'POST', url: '/login', payload: credentials })
  const { accessToken } = login.json()
  const { value: refreshToken = '' } = login.cookies[0] ?? {}
  return { before, after, store, accessToken, refreshToken }
}

t.test('the guide shows the code as it is', async (t) => {
  const guide = readFileSync(new URL('../docs/migration.md', import.meta.url), 'utf8')
  for (const file of ['before', 'after', 'exchange']) {
    const [, ...lines] = readFileSync(new URL(`fixtures/migration/${file}.ts`, import.meta.url), 'utf8').split('\n')
    t.ok(guide.includes(`\`\`\`ts\n${lines.join('\n')}\`\`\`\n`), file)
  }
})

t.test('before', async (t) => {
  const { before, accessToken, refreshToken } = await start()
  t.same((await before.inject({ url: '/me', headers: bearer(accessToken) })).json(), { id: '1' })
  await before.inject({ method: 'POST', url: '/logout', cookies: { refreshToken } })
  t.equal((await before.inject({ method: 'POST', url: '/refresh', cookies: { refreshToken } })).statusCode, 200, 'a log-out that ends nothing')
  t.equal((await before.inject({ url: '/me', headers: bearer(refreshToken) })).statusCode, 200, 'a refresh token that is as good as an access token')
})

t.test('a refresh with an old cookie is answered a session, at the old address', async (t) => {
  const { after, refreshToken } = await start()
  const exchanged = await after.inject({ method: 'POST', url: '/refresh', cookies: { refreshToken } })
  t.equal(exchanged.statusCode, 200)
  const [cookie, ...others] = exchanged.cookies
  t.strictSame(others, [], 'the old one stays, for processes that run the old release')
  t.same((await after.inject({ url: '/me', headers: bearer(exchanged.json().accessToken) })).json(), { id: '1' })

  const cookies = { [String(cookie?.name)]: String(cookie?.value) }
  t.equal((await after.inject({ method: 'POST', url: '/refresh', cookies })).statusCode, 200)
  await after.inject({ method: 'POST', url: '/logout', cookies })
  t.equal((await after.inject({ method: 'POST', url: '/refresh', cookies })).statusCode, 401)
})

t.test('while the store is down, or where the answer got lost, the old cookie is as good as before', async (t) => {
  const { after, store, refreshToken } = await start()
  const create = store.create
  store.create = async () => { throw new Error('down') }
  t.match(await after.inject({ method: 'POST', url: '/refresh', cookies: { refreshToken } }), { statusCode: 503, cookies: [] })
  store.create = create
  for (const what of ['after the outage', 'after a lost answer']) t.equal((await after.inject({ method: 'POST', url: '/refresh', cookies: { refreshToken } })).statusCode, 200, what)
})

t.test('the old cookie brings nobody back once somebody has logged in or out, in whatever way', async (t) => {
  const { after, refreshToken } = await start()
  const cookieOf = ({ cookies }: { cookies: Array<{ name: string, value: string }> }) => Object.fromEntries(cookies.filter(({ value }) => value !== '').map(({ name, value }) => [name, value]))
  const isForgotten = ({ cookies }: { cookies: Array<{ name: string, value: string }> }) => cookies.some(({ name, value }) => name === 'refreshToken' && value === '')
  const post = (url: string, cookies: Record<string, string>, payload?: object) => after.inject({ method: 'POST', url, cookies: { refreshToken, ...cookies }, ...(payload && { payload }) })

  t.ok(isForgotten(await post('/logout', {})))
  t.notOk(isForgotten(await post('/login', {}, { ...credentials, password: 'wrong' })), 'an attempt that failed')
  for (const [url, payload] of [['/login', { username: 'grace', password: 'compiler' }], ['/as-grace', undefined]] as const) {
    const login = await post(url, {}, payload)
    t.ok(isForgotten(login))
    const refreshed = await post('/refresh', cookieOf(login))
    t.same((await after.inject({ url: '/me', headers: bearer(refreshed.json().accessToken) })).json(), { id: '2' }, 'the new cookie counts, if both are there')
    await after.tokenAuth.revokeUser('2')
    const ended = await post('/refresh', cookieOf(login))
    t.equal(ended.statusCode, 401)
    t.ok(isForgotten(ended), 'nor after the session was ended elsewhere')
  }
})

t.test('it is no fresh log-in', async (t) => {
  const { after, refreshToken } = await start()
  const { accessToken } = (await after.inject({ method: 'POST', url: '/refresh', cookies: { refreshToken } })).json()
  const { iat } = JSON.parse(Buffer.from(refreshToken.split('.')[1] as string, 'base64url').toString())
  t.equal(after.tokenAuth.verifyAccessToken(accessToken).authenticatedAt.getTime(), iat * 1000)
})

t.test('an old token that a page kept itself is exchanged, too', async (t) => {
  const { after, accessToken } = await start()
  t.match(await after.inject({ method: 'POST', url: '/exchange', payload: { token: accessToken } }), { statusCode: 200, cookies: [{ name: '__Host-Http-refresh_token' }] })
})

t.test('nothing else is', async (t) => {
  const { after, refreshToken } = await start()
  const refresh = async (token: string, headers = {}) => (await after.inject({ method: 'POST', url: '/refresh', cookies: { refreshToken: token }, headers })).statusCode
  const exchange = async (token: string, headers = {}) => (await after.inject({ method: 'POST', url: '/exchange', payload: { token }, headers })).statusCode
  for (const send of [refresh, exchange]) {
    t.equal(await send(''), 401)
    t.equal(await send(`${refreshToken}x`), 401)
    t.equal(await send(refreshToken, { 'sec-fetch-site': 'cross-site' }), 403, 'nor for another site')
    users.isClosed = true
    t.equal(await send(refreshToken), 401, 'nor for somebody whose account is closed')
    users.isClosed = false
  }
})

t.test('an old token is no access token, even of the same secret', async (t) => {
  const { after, accessToken, refreshToken } = await start(OLD_SECRET)
  for (const token of [accessToken, refreshToken]) t.match((await after.inject({ url: '/me', headers: bearer(token) })).json(), { code: 'FST_TOKEN_AUTH_INVALID_ACCESS_TOKEN' })
})
