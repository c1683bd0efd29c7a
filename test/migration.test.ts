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
  const after = await buildAfter(secret, OLD_SECRET, new MemoryStore())
  t.teardown(() => Promise.all([before.close(), after.close()]))
  const login = await before.inject({ method: 'POST', url: '/login', payload: credentials })
  const { accessToken } = login.json()
  const { value: refreshToken = '' } = login.cookies[0] ?? {}
  return { before, after, accessToken, refreshToken }
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

t.test('an old cookie is exchanged for a session', async (t) => {
  const { after, refreshToken } = await start()
  const exchanged = await after.inject({ method: 'POST', url: '/auth/exchange', cookies: { refreshToken }, payload: {} })
  t.equal(exchanged.statusCode, 200)
  const [cleared, cookie] = ['refreshToken', '__Host-Http-refresh_token'].map((name) => exchanged.cookies.find((one) => one.name === name))
  t.match(cleared, { value: '', maxAge: 0 })
  t.same((await after.inject({ url: '/me', headers: bearer(exchanged.json().accessToken) })).json(), { id: '1' })

  const cookies = { [String(cookie?.name)]: String(cookie?.value) }
  t.equal((await after.inject({ method: 'POST', url: '/auth/refresh', cookies })).statusCode, 200)
  await after.inject({ method: 'POST', url: '/auth/logout', cookies })
  t.equal((await after.inject({ method: 'POST', url: '/auth/refresh', cookies })).statusCode, 401)
})

t.test('so is an old token that a page kept itself', async (t) => {
  const { after, accessToken } = await start()
  t.match(await after.inject({ method: 'POST', url: '/auth/exchange', payload: { token: accessToken } }), { statusCode: 200, cookies: [{ name: '__Host-Http-refresh_token' }] })
})

t.test('nothing else is', async (t) => {
  const { after, refreshToken } = await start()
  const exchange = async (token: string | undefined, headers = {}) => (await after.inject({ method: 'POST', url: '/auth/exchange', payload: { ...(token !== undefined && { token }) }, headers })).statusCode
  t.equal(await exchange(undefined), 401)
  t.equal(await exchange(`${refreshToken}x`), 401)
  t.equal(await exchange(refreshToken, { 'sec-fetch-site': 'cross-site' }), 403, 'nor for another site')
  users.isClosed = true
  t.teardown(() => { users.isClosed = false })
  t.equal(await exchange(refreshToken), 401, 'nor for somebody whose account is closed')
})

t.test('an old token is no access token, even of the same secret', async (t) => {
  const { after, accessToken, refreshToken } = await start(OLD_SECRET)
  for (const token of [accessToken, refreshToken]) t.match((await after.inject({ url: '/me', headers: bearer(token) })).json(), { code: 'FST_TOKEN_AUTH_INVALID_ACCESS_TOKEN' })
})
