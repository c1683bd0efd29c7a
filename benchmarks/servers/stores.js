// Opens the storage that a refresh asks, and the stores of fastify-token-auth on it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function openRedis () {
  const { Redis } = await import('ioredis')
  return new Redis(process.env.BENCH_REDIS)
}

export async function openPostgres () {
  const { default: { Pool } } = await import('pg')
  return new Pool({ connectionString: process.env.BENCH_POSTGRES, max: 8 })
}

export async function openSqlite () {
  const { default: Database } = await import('better-sqlite3')
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const database = new Database(join(folder, 'sessions.sqlite'))
  database.pragma('synchronous = NORMAL')
  return database
}

/**
 * A store of fastify-token-auth, and the bytes that its storage takes. `name` tells apart what different runs keep in one
 * Redis or PostgreSQL.
 */
export async function openStore (kind, { name, maxSessions }) {
  if (kind === 'memory') {
    const { MemoryStore } = await import('fastify-token-auth')
    const bytes = async () => {
      globalThis.gc()
      return process.memoryUsage().heapUsed
    }
    return { store: new MemoryStore({ maxSessions }), bytes }
  }
  if (kind === 'sqlite') {
    const { SqliteStore } = await import('fastify-token-auth/stores/sqlite')
    const database = await openSqlite()
    const pragma = (pragma) => database.pragma(pragma, { simple: true })
    return { store: new SqliteStore({ database }), bytes: async () => pragma('page_count') * pragma('page_size') }
  }
  if (kind === 'redis') {
    const { RedisStore } = await import('fastify-token-auth/stores/redis')
    const client = await openRedis()
    const bytes = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1])
    return { store: new RedisStore({ client, keyPrefix: `${name}:` }), bytes }
  }
  const { PostgresStore } = await import('fastify-token-auth/stores/postgres')
  const pool = await openPostgres()
  const store = new PostgresStore({ pool, table: name })
  await store.createTable()
  const bytes = async () => Number((await pool.query('SELECT pg_total_relation_size($1::regclass) AS bytes', [name])).rows[0].bytes)
  return { store, bytes }
}
