// Opens an SQLite database with what the running Node.js has: its own node:sqlite, else better-sqlite3.
import type { DatabaseSync } from 'node:sqlite'
import type BetterSqlite3 from 'better-sqlite3'

/**
 * Open the database in a file, which is made if there is none. `node:sqlite` is there from Node.js 22.13 on; older ones
 * take the package better-sqlite3. `SqliteStore` takes either handle.
 *
 * @throws what the driver throws when the file cannot be opened
 */
export async function openDatabase (file: string): Promise<DatabaseSync | BetterSqlite3.Database> {
  const builtIn = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined
  if (builtIn) return new builtIn.DatabaseSync(file)
  const { default: Database } = await import('better-sqlite3')
  // it would wait five seconds for a lock, with the event loop standing still
  return new Database(file, { timeout: 1000 })
}
