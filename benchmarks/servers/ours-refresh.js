// POST /auth/refresh of fastify-token-auth. Arguments: the store, and how many other sessions it holds.
import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'
import { openStore } from './stores.js'

const IDLE_TIMEOUT = 604_800_000
const [kind, others = '0'] = process.argv.slice(2)
const { store, bytes } = await openStore(kind, { name: `bench_${randomUUID().replaceAll('-', '')}`, maxSessions: Number(others) + 100_000 })

const before = await bytes()
for (let count = Number(others); count > 0; count -= 100) {
  await Promise.all(Array.from({ length: Math.min(count, 100) }, () => store.create(newSession())))
}
const storedBytes = await bytes() - before

const app = Fastify()
await app.register(tokenAuth, { secret, userVerifier: { verify: ({ username }) => ({ id: username }) }, refreshTokenStore: store })
app.get('/me', { schema, onRequest: app.authenticate }, async (request) => ({ id: request.auth.userId }))
await app.ready()
const { accessToken } = await app.tokenAuth.issueAccessToken({ id: 'user-1' })

await serveFastify(app, { token: accessToken, storedBytes }, async (count) => await Promise.all(Array.from({ length: count }, async () => {
  const { headers } = await app.inject({ method: 'POST', url: '/auth/login', payload: { username: randomUUID(), password: 'correct' } })
  return headers['set-cookie'].split(';')[0]
})))

function newSession () {
  const now = Date.now()
  return {
    id: randomUUID(),
    userId: randomUUID(),
    generation: 1,
    tokenId: randomUUID(),
    createdAt: now,
    rotatedAt: now,
    // as a login writes it: two idle timeouts
    expiresAt: now + 2 * IDLE_TIMEOUT,
    scope: [],
    details: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)', ip: '192.0.2.1' }
  }
}
