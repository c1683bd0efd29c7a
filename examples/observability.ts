// An audit table and Prometheus metrics: npx tsx --conditions=@fastify-token-auth/source examples/observability.ts
//
// The app is on port 3000, the metrics are on http://localhost:9464/metrics. Log in as ada with the password analytical-engine.
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyRequest } from 'fastify'
import tokenAuth, { type TokenAuthEvent } from 'fastify-token-auth'
import { SqliteStore } from 'fastify-token-auth/stores/sqlite'
import { Counter, Registry } from 'prom-client'
import { openDatabase } from './sqlite.ts'
import { createUserVerifier } from './users.ts'

const DATA_FOLDER = join(import.meta.dirname, '.data')

const AUDIT_TABLE = `CREATE TABLE IF NOT EXISTS audit (
  at INTEGER NOT NULL, type TEXT NOT NULL, user_id TEXT, session_id TEXT, ip TEXT, event TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_by_user ON audit (user_id, at);
CREATE INDEX IF NOT EXISTS audit_by_session ON audit (session_id)`

interface BuildOptions {
  /** The file of the database; its folder is made if there is none. */
  file?: string
  registry?: Registry
  clock?: () => number
}

export async function build ({ file = join(DATA_FOLDER, 'observability.sqlite'), registry = new Registry(), clock = Date.now }: BuildOptions = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const database = await openDatabase(file)
  app.addHook('onClose', () => { database.close() })
  database.exec(AUDIT_TABLE)

  // A log-out tells the session only; whose it was is known from its log-in.
  const insert = database.prepare(`INSERT INTO audit (at, type, user_id, session_id, ip, event)
    VALUES (?, ?, coalesce(?, (SELECT user_id FROM audit WHERE session_id = ? LIMIT 1)), ?, ?, ?)`)

  // the plugin finds it and limits how often one can guess at a password
  await app.register(rateLimit, { global: false })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    userVerifier: await createUserVerifier(),
    refreshTokenStore: new SqliteStore({ database, clock }),
    clock,
    // What this throws is logged and changes no answer: nobody is kept out because the audit table is full. The event
    // has no token and no password in it. The request has; a failed log-in is written down without the name that was
    // typed, which now and then is a password.
    onEvent (event: TokenAuthEvent, request: FastifyRequest | undefined) {
      // every few minutes for everybody, and nobody will ask
      if (event.type === 'refresh') return
      const { userId = null, sessionId = null } = event as { userId?: string, sessionId?: string }
      insert.run(clock(), event.type, userId, sessionId, sessionId, request?.ip ?? null, JSON.stringify(event))
    }
  })

  // Metrics come by way of diagnostics_channel, which needs no hand on the options: so does a tracer, or an app that
  // somebody else has built. The channel is the whole process's: of several apps it tells all the events.
  const events = new Counter({
    name: 'token_auth_events_total',
    help: 'Log-ins, refreshes, log-outs and what went wrong with them',
    // each has a handful of values; with the user for a label there would be a time series for everybody
    labelNames: ['type', 'reason'],
    registers: [registry]
  })
  const count = (message: unknown): void => {
    const { event } = message as { event: TokenAuthEvent }
    events.inc({ type: event.type, reason: event.type === 'refresh-rejected' ? event.reason : '' })
  }
  subscribe('fastify-token-auth', count)
  app.addHook('onClose', () => { unsubscribe('fastify-token-auth', count) })

  const recent = database.prepare('SELECT at, type, ip FROM audit WHERE user_id = ? ORDER BY at DESC, rowid DESC LIMIT 50')
  app.get('/activity', { onRequest: app.authenticate }, async ({ auth }) => recent.all(auth.userId))

  return app
}

/** A server of its own for the metrics, which are for nobody outside. */
export function buildMetrics (registry: Registry) {
  const app = Fastify()
  app.get('/metrics', async (request, reply) => await reply.type(registry.contentType).send(await registry.metrics()))
  return app
}

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const { PORT: port = '3000', METRICS_PORT: metricsPort = '9464', DATA_FOLDER: dataFolder = DATA_FOLDER } = process.env
  const registry = new Registry()
  const app = await build({ file: join(dataFolder, 'observability.sqlite'), registry })
  const origin = await app.listen({ port: Number(port) })
  const metrics = await buildMetrics(registry).listen({ port: Number(metricsPort), host: '127.0.0.1' })
  console.log(`
  curl ${origin}/auth/login --json '{ "username": "ada", "password": "analytical-engine" }'
  curl ${origin}/activity -H 'Authorization: Bearer …'
  curl ${metrics}/metrics
`)
}
