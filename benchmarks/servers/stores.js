// Opens the storage that a refresh asks: a client of Redis, a pool of PostgreSQL, a file of SQLite, or nothing for memory.
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
