// Two server processes behind a round-robin, their sessions in one PostgreSQL: DATABASE_URL=postgres://user@127.0.0.1/database npx tsx --conditions=@fastify-token-auth/source examples/postgres.ts
import { randomBytes } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { PostgresStore } from 'fastify-token-auth/stores/postgres'
import { Pool } from 'pg'
import { runTwice } from './two-processes.ts'
import { createUserVerifier } from './users.ts'

const HOUR_MS = 3_600_000

/** Build the app of one of the processes; it does not listen yet. @throws Error of one line, without DATABASE_URL or when there is no PostgreSQL */
export async function build () {
  const { DATABASE_URL, AUTH_SECRET: secret = '' } = process.env
  if (!DATABASE_URL) throw new Error('Set DATABASE_URL, such as DATABASE_URL=postgres://user:password@127.0.0.1:5432/database')
  const pool = new Pool({ connectionString: DATABASE_URL, connectionTimeoutMillis: 2000, query_timeout: 2000 })
  const store = new PostgresStore({ pool })
  try {
    // an app with migrations makes the table there, with what `createTableSql()` returns
    await store.createTable()
  } catch (error) {
    await pool.end()
    throw new Error(`No PostgreSQL at DATABASE_URL: ${(error as Error).message}`, { cause: error })
  }

  const app = Fastify({ logger: { level: 'warn' } })
  // the pool connects again by itself; until then refreshes are answered 503 and guarded routes go on
  pool.on('error', (error) => { app.log.warn(error.message) })
  const tidying = setInterval(() => { store.deleteExpired().catch((error: unknown) => { app.log.warn(error) }) }, HOUR_MS)
  app.addHook('onClose', async () => {
    clearInterval(tidying)
    await pool.end()
  })
  // the plugin finds it and limits how often one can guess at a password, in each process by itself
  await app.register(rateLimit, { global: false })
  await app.register(tokenAuth, { secret, userVerifier: await createUserVerifier(), refreshTokenStore: store })
  app.get('/me', { onRequest: app.authenticate }, ({ auth }) => ({ id: auth.userId, answeredBy: process.pid }))
  return app
}

if (process.argv[1] === import.meta.filename) {
  // both have to know it; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  await runTwice(build)
}
