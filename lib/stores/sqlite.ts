// Sessions in an SQLite file, through a handle of better-sqlite3 or node:sqlite: they survive a restart, without a server to run.
import { setImmediate } from 'node:timers/promises'
import { type SessionRow, toSession } from './sql-row.ts'
import type { RefreshTokenStore, Rotation, Session } from './store.ts'
import { Subscribers } from './subscribers.ts'

/** What the store needs of a database handle; those of better-sqlite3 (v12) and `node:sqlite` have it. */
export interface SqliteDatabase {
  exec (sql: string): unknown
  prepare (sql: string): SqliteStatement
}

/** A prepared statement with named parameters. */
export interface SqliteStatement {
  run (parameters: Record<string, string | number | null>): { changes: number | bigint }
  get (parameters: Record<string, string | number | null>): unknown
  all (parameters: Record<string, string | number | null>): unknown[]
}

/** Options of `SqliteStore`. */
export interface SqliteStoreOptions {
  /** An open handle. It stays the caller's: the store never closes it. */
  database: SqliteDatabase
  /** The name of the table, which is made if there is none: letters, digits and underscores. @default 'token_auth_sessions' */
  table?: string
  /** The time in milliseconds since the epoch. @default Date.now */
  clock?: () => number
}

/** Less than the plugin's `storeTimeout`: as long as SQLite waits, the event loop stands still. */
const BUSY_TIMEOUT_MS = 1000
/** How long is waited before the file is tried to be switched to write-ahead logging again. */
const SWITCH_WAIT_MS = 20
/** How many neighbours of a new session are looked at, to delete those that have expired. */
const NEIGHBOURS = 20
/** How many sessions `deleteExpired` looks at before it lets the event loop turn. */
const BATCH = 1000

/**
 * Keeps sessions in a table of an SQLite database, which it switches to write-ahead logging, so that several processes
 * can use the file. A handle that does not wait for a lock at all (the default of `node:sqlite`) is made to wait up to
 * a second; better-sqlite3 waits five unless it is opened with `{ timeout: 1000 }`. `create` deletes a few expired
 * sessions on its way, so the table does not grow for ever.
 *
 * @throws TypeError if the table's name is not one, or the database not a handle; what the driver throws if the table cannot be made
 */
export class SqliteStore implements RefreshTokenStore {
  readonly #clock: () => number
  readonly #statements: ReturnType<typeof prepare>
  readonly #subscribers = new Subscribers()

  constructor ({ database, table = 'token_auth_sessions', clock = Date.now }: SqliteStoreOptions) {
    if (!/^(?!sqlite_)[a-z_][a-z0-9_]*$/i.test(table)) {
      throw new TypeError(`SqliteStore: ${JSON.stringify(table)} is no name for a table. Use letters, digits and underscores, no digit first, no "sqlite_" in front.`)
    }
    if (typeof (database as SqliteDatabase | undefined)?.prepare !== 'function') throw new TypeError('SqliteStore: database has to be an open handle of better-sqlite3 or node:sqlite, not a file name')
    this.#clock = clock
    const { timeout } = database.prepare('PRAGMA busy_timeout').get({}) as { timeout: number | bigint }
    if (Number(timeout) === 0) database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    writeAhead(database)
    createTable(database, table)
    this.#statements = prepare(database, table)
  }

  async create ({ id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope, details }: Session): Promise<void> {
    this.#statements.deleteNeighbours.run({ id, now: this.#clock() })
    this.#statements.create.run({
      id,
      userId,
      generation,
      tokenId,
      createdAt,
      rotatedAt,
      expiresAt,
      scope: JSON.stringify(scope),
      details: JSON.stringify(details)
    })
  }

  async advance (id: string, { generation, tokenId, rotatedAt, expiresAt }: Rotation): Promise<Session | null> {
    const now = this.#clock()
    // not get(): that stops at the row, before the commit, and keeps quiet about a commit that fails
    const [row] = this.#statements.advance.all({ id, generation, tokenId, rotatedAt, expiresAt, now })
    return toSession(row as SessionRow | undefined, now)
  }

  async find (id: string): Promise<Session | null> {
    return toSession(this.#statements.find.get({ id }) as SessionRow | undefined, this.#clock())
  }

  async delete (id: string): Promise<boolean> {
    return this.#revoke(this.#statements.delete.all({ id, now: this.#clock() })) > 0
  }

  async findByUser (userId: string): Promise<Session[]> {
    const now = this.#clock()
    const rows = this.#statements.findByUser.all({ userId }) as SessionRow[]
    return rows.map((row) => toSession(row, now)).filter((session) => session !== null)
  }

  async deleteByUser (userId: string, { except }: { except?: string } = {}): Promise<number> {
    return this.#revoke(this.#statements.deleteByUser.all({ userId, except: except ?? null, now: this.#clock() }))
  }

  /** Report sessions that `delete` and `deleteByUser` of this object end. It does not hear of other processes on the file. */
  async subscribe (onRevoked: (sessionId: string) => void): Promise<() => Promise<void>> {
    return this.#subscribers.add(onRevoked)
  }

  /**
   * Delete all expired sessions, a thousand at a time, letting the event loop turn in between. Never needed for
   * correctness; it gives back space.
   *
   * @returns how many there were
   */
  async deleteExpired (): Promise<number> {
    const now = this.#clock()
    let deleted = 0
    let after = ''
    while (true) {
      const { last } = this.#statements.nextBatch.get({ after }) as { last: string | null }
      if (last === null) return deleted
      deleted += Number(this.#statements.deleteBatch.run({ after, last, now }).changes)
      after = last
      await setImmediate()
    }
  }

  /** Tell subscribers of deleted rows; returns how many there are. */
  #revoke (deleted: unknown[]): number {
    for (const { id } of deleted as SessionRow[]) this.#subscribers.tell(id)
    return deleted.length
  }
}

/**
 * Switch the file to write-ahead logging. Where two processes that start together on a new file do so at the same time,
 * it fails at once, however long SQLite waits for other locks.
 */
function writeAhead (database: SqliteDatabase): void {
  const end = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      return
    } catch (err) {
      if (performance.now() >= end) throw err
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SWITCH_WAIT_MS)
    }
  }
}

/** No index on the time of expiry: it would have to be written at each refresh. Expired rows are met by walking along the ids. */
function createTable (database: SqliteDatabase, table: string): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS "${table}" (
      id TEXT PRIMARY KEY,
      user_id TEXT NOT NULL,
      generation INTEGER NOT NULL,
      previous_generation INTEGER,
      token_id TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      rotated_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      scope TEXT NOT NULL,
      details TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS "${table}_user_id" ON "${table}" (user_id)`)
}

function prepare (database: SqliteDatabase, table: string) {
  const columns = 'id, user_id, generation, previous_generation, token_id, created_at, rotated_at, expires_at, scope, details'
  return {
    create: database.prepare(`
      INSERT INTO "${table}" (${columns})
      VALUES (:id, :userId, :generation, NULL, :tokenId, :createdAt, :rotatedAt, :expiresAt, :scope, :details)`),
    // ids are random, so the neighbours of a new one are a random sample
    deleteNeighbours: database.prepare(`
      DELETE FROM "${table}"
      WHERE id IN (SELECT id FROM "${table}" WHERE id > :id ORDER BY id LIMIT ${NEIGHBOURS}) AND expires_at <= :now`),
    // to the right of an equals sign, a column is what it was before
    advance: database.prepare(`
      UPDATE "${table}" SET
        generation = max(generation, :generation),
        previous_generation = CASE WHEN generation < :generation THEN generation ELSE previous_generation END,
        token_id = CASE WHEN generation < :generation THEN :tokenId ELSE token_id END,
        rotated_at = CASE WHEN generation < :generation THEN :rotatedAt ELSE rotated_at END,
        expires_at = CASE WHEN generation < :generation THEN :expiresAt ELSE expires_at END
      WHERE id = :id AND expires_at > :now
      RETURNING ${columns}`),
    find: database.prepare(`SELECT ${columns} FROM "${table}" WHERE id = :id`),
    delete: database.prepare(`DELETE FROM "${table}" WHERE id = :id AND expires_at > :now RETURNING id`),
    findByUser: database.prepare(`SELECT ${columns} FROM "${table}" WHERE user_id = :userId`),
    deleteByUser: database.prepare(`DELETE FROM "${table}" WHERE user_id = :userId AND id IS NOT :except AND expires_at > :now RETURNING id`),
    nextBatch: database.prepare(`SELECT max(id) AS last FROM (SELECT id FROM "${table}" WHERE id > :after ORDER BY id LIMIT ${BATCH})`),
    deleteBatch: database.prepare(`DELETE FROM "${table}" WHERE id > :after AND id <= :last AND expires_at <= :now`)
  }
}
