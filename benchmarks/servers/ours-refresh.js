// POST /auth/refresh of fastify-token-auth. Arguments: the store, and how many other sessions it holds.
import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import tokenAuth, { MemoryStore } from 'fastify-token-auth'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'
import { openPostgres, openRedis, openSqlite } from './stores.js'

const IDLE_TIMEOUT = 604_800_000
const [kind, others = '0'] = process.argv.slice(2)
const name = `bench_${randomUUID().replaceAll('-', '')}`
const store = await {
  async memory () { return new MemoryStore({ maxSessions: Number(others) + 100_000 }) },
  async sqlite () {
    const { SqliteStore } = await import('fastify-token-auth/stores/sqlite')
    return new SqliteStore({ database: await openSqlite() })
  },
  async redis () {
    const { RedisStore } = await import('fastify-token-auth/stores/redis')
    return new RedisStore({ client: await openRedis(), keyPrefix: `${name}:` })
  },
  async postgres () {
    const { PostgresStore, createTableSql } = await import('fastify-token-auth/stores/postgres')
    const pool = await openPostgres()
    await pool.query(createTableSql({ table: name }))
    return new PostgresStore({ pool, table: name })
  }
}[kind]()

const before = process.memoryUsage().rss
for (let count = Number(others); count > 0; count -= 100) {
  await Promise.all(Array.from({ length: Math.min(count, 100) }, () => store.create(newSession())))
}
const bytesPerSession = Number(others) > 0 ? (process.memoryUsage().rss - before) / Number(others) : 0

const app = Fastify()
await app.register(tokenAuth, { secret, userVerifier: { verify: ({ username }) => ({ id: username }) }, refreshTokenStore: store })
app.get('/me', { schema, onRequest: app.authenticate }, async (request) => ({ id: request.auth.userId }))
await app.ready()
const { accessToken } = await app.tokenAuth.issueAccessToken({ id: 'user-1' })

await serveFastify(app, { token: accessToken, bytesPerSession }, async (count) => await Promise.all(Array.from({ length: count }, async () => {
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
