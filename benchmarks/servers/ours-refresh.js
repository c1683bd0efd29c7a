// POST /auth/refresh of fastify-token-auth. Arguments: the store, and how many other sessions it holds.
import { randomBytes, randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { readKeys } from '../node_modules/fastify-token-auth/dist/keys.js'
import { createRefreshTokens } from '../node_modules/fastify-token-auth/dist/refresh-token.js'
import { secret } from './keys.js'
import { inBatches, schema, serveFastify } from './serve.js'
import { openStore } from './stores.js'

const IDLE_TIMEOUT = 604_800_000
const [kind, others = '0'] = process.argv.slice(2)
const { store, bytes } = await openStore(kind, { name: `bench_${randomUUID().replaceAll('-', '')}`, maxSessions: Number(others) + 100_000 })

const before = await bytes()
await inBatches(Number(others), () => store.create(newSession(1, randomUUID())))
const storedBytes = await bytes() - before

const app = Fastify()
await app.register(tokenAuth, { secret, userVerifier: { verify: ({ username }) => ({ id: username }) }, refreshTokenStore: store })
app.get('/me', { schema, onRequest: app.authenticate }, async (request) => ({ id: request.auth.userId }))
const refreshTokens = createRefreshTokens(readKeys(secret))
await app.ready()
const { accessToken } = await app.tokenAuth.issueAccessToken({ id: 'user-1' })

// sessions as a log-in opens them, without the requests, which would leave their litter for the garbage collector to find while refreshes are measured
const id = () => randomBytes(16).toString('base64url')
await serveFastify(app, { token: accessToken, storedBytes }, async (count) => {
  // those of the slice before are of no use any more, and would be there for the garbage collector
  if (kind === 'memory' && others === '0') store.close()
  return await inBatches(count, async () => {
    const now = Date.now()
    const session = newSession(0, id())
    await store.create(session)
    const authTime = Math.floor(now / 1000)
    return `__Host-Http-refresh_token=${refreshTokens.mint({ sessionId: session.id, generation: 1, tokenId: session.tokenId, authTime, issuedAt: authTime, expiresAt: now + IDLE_TIMEOUT, heldUntil: 0 })}`
  })
})

function newSession (generation, id) {
  const now = Date.now()
  return {
    id,
    userId: randomUUID(),
    generation,
    tokenId: randomUUID(),
    createdAt: now,
    rotatedAt: now,
    // as a log-in writes it: two idle timeouts
    expiresAt: now + 2 * IDLE_TIMEOUT,
    scope: [],
    details: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)', ip: '192.0.2.1' }
  }
}
