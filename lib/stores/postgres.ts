// Sessions in a table of PostgreSQL, through a pool of the package pg.
import { type EventEmitter, once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { createTableSql, type PostgresTable, statements } from './postgres-sql.ts'
import { type SessionRow, toSession } from './sql-row.ts'
import type { RefreshTokenStore, Rotation, Session } from './store.ts'

/** What the store needs of a pool of the package `pg`. */
export interface PostgresPool {
  query (query: { name?: string, text: string, values?: Value[] }): Promise<{ rows: unknown[], rowCount: number | null }>
  /** For `subscribe`, which needs a connection to itself. */
  connect (): Promise<PostgresConnection>
}

type Value = string | number | null

/** What the store needs of a connection out of the pool, which is a `PoolClient` of `pg`. */
export interface PostgresConnection extends EventEmitter {
  query: PostgresPool['query']
  release (destroy: boolean): void
}

export { createTableSql, type PostgresTable }

/** Options of `PostgresStore`. */
export interface PostgresStoreOptions extends PostgresTable {
  /** It stays the caller's: the store never ends it. */
  pool: PostgresPool
  /** The time in milliseconds since the epoch. @default Date.now */
  clock?: () => number
}

/** SQLSTATE of transactions that PostgreSQL gave up in favour of others: serialization_failure and deadlock_detected. */
const WORTH_ANOTHER_TRY = ['40001', '40P01']
const MAX_TRIES = 10
/** For so long it is remembered what was revoked. */
const REVOKED_KEPT_MS = 3_600_000
/** How long to wait before another try to hear of revocations. */
const RETRY_MS = 1000

/**
 * Keeps sessions in a table, one statement for each method, prepared once per connection. A statement that PostgreSQL
 * gives up because of others (serialization failure, deadlock) is tried again, up to ten times.
 *
 * @throws TypeError if the pool is not one, or the name of the schema or of the table
 */
export class PostgresStore implements RefreshTokenStore {
  readonly #pool: PostgresPool
  readonly #clock: () => number
  readonly #createTable: string
  readonly #statements: ReturnType<typeof statements>

  constructor ({ pool, clock = Date.now, ...where }: PostgresStoreOptions) {
    const { query, connect } = (pool ?? {}) as Partial<PostgresPool>
    if (typeof query !== 'function' || typeof connect !== 'function') throw new TypeError('PostgresStore: pool has to be a Pool of the package pg, not a URL')
    this.#pool = pool
    this.#clock = clock
    this.#createTable = createTableSql(where)
    this.#statements = statements(where)
  }

  /** Make the tables if there are none. Several processes may do so at the same time. */
  async createTable (): Promise<void> {
    // IF NOT EXISTS alone fails when two see none and both make it
    await this.#pool.query({ text: `SELECT pg_advisory_xact_lock(hashtext('fastify-token-auth'));${this.#createTable}` })
  }

  async create ({ id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope, details }: Session): Promise<void> {
    await this.#query('create', [id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, JSON.stringify(scope), JSON.stringify(details)])
  }

  async advance (id: string, { generation, tokenId, rotatedAt, expiresAt }: Rotation): Promise<Session | null> {
    const now = this.#clock()
    const { rows: [row] } = await this.#query('advance', [id, generation, tokenId, rotatedAt, expiresAt, now])
    return toSession(row as SessionRow | undefined, now)
  }

  async find (id: string): Promise<Session | null> {
    const { rows: [row] } = await this.#query('find', [id])
    return toSession(row as SessionRow | undefined, this.#clock())
  }

  async delete (id: string): Promise<boolean> {
    const { rowCount } = await this.#query('delete', [this.#clock(), id])
    return rowCount === 1
  }

  async findByUser (userId: string): Promise<Session[]> {
    const { rows } = await this.#query('findByUser', [userId])
    const now = this.#clock()
    return (rows as SessionRow[]).map((row) => toSession(row, now)).filter((session) => session !== null)
  }

  async deleteByUser (userId: string, { except }: { except?: string } = {}): Promise<number> {
    const { rowCount } = await this.#query('deleteByUser', [this.#clock(), userId, except ?? null])
    return rowCount as number
  }

  /**
   * Delete all expired sessions, in batches that hold their locks for a moment only, and forget what was revoked more
   * than an hour ago. Never needed for correctness, but nothing else does it: call it every now and then, such as once
   * an hour in one of the processes.
   *
   * @param options `batch` is how many sessions one statement looks at. Default: 1000
   * @returns how many there were
   */
  async deleteExpired ({ batch = 1000 }: { batch?: number } = {}): Promise<number> {
    const now = this.#clock()
    let deleted = 0
    let after: string | null = ''
    while (after !== null) {
      const { rows: [row] } = await this.#query('deleteExpired', [after, batch, now])
      const looked = row as { last: string | null, deleted: string }
      deleted += Number(looked.deleted)
      after = looked.last
    }
    await this.#query('deleteRevoked', [now - REVOKED_KEPT_MS])
    return deleted
  }

  /**
   * Report sessions deleted by any process, within milliseconds, over a connection that it takes out of the pool. Those
   * of the last hour are reported too, on subscribing and after each loss of the connection, so that a process that was
   * not there learns what it has missed. End the subscription before the pool, which waits for its connections.
   *
   * @throws what the pool throws if the server cannot be reached
   */
  async subscribe (onRevoked: (sessionId: string) => void): Promise<() => Promise<void>> {
    const ending = new AbortController()
    const { signal } = ending
    let { lost } = await this.#listen(onRevoked, signal)
    const follow = async (): Promise<void> => {
      await lost
      while (!signal.aborted) {
        try {
          ({ lost } = await this.#listen(onRevoked, signal))
        } catch {
          await setTimeout(RETRY_MS, undefined, { ref: false, signal }).catch(() => {})
        }
        await lost
      }
    }
    const following = follow()
    return async () => {
      ending.abort()
      await following
    }
  }

  /** Resolves, once it hears of everything, to a promise of when it no longer does. */
  async #listen (onRevoked: (sessionId: string) => void, signal: AbortSignal): Promise<{ lost: Promise<unknown> }> {
    const connection = await this.#pool.connect()
    const failing = new AbortController()
    const hear = ({ payload }: { payload: string }) => { onRevoked(payload) }
    const lost = once(connection, 'end', { signal: AbortSignal.any([signal, failing.signal]) })
      .catch(() => {})
      .finally(() => {
        connection.off('notification', hear)
        connection.release(true)
      })
    // what fails after that is of no interest, but without a listener it would end the process
    connection.on('error', () => {})
    connection.on('notification', hear)
    try {
      await connection.query({ text: this.#statements.listen.text })
      const { rows } = await connection.query({ ...this.#statements.findRevoked, values: [this.#clock() - REVOKED_KEPT_MS] })
      for (const { id } of rows as SessionRow[]) onRevoked(id)
    } catch (error) {
      failing.abort()
      throw error
    }
    return { lost }
  }

  async #query (name: keyof ReturnType<typeof statements>, values: Value[], tries = 1): ReturnType<PostgresPool['query']> {
    try {
      return await this.#pool.query({ ...this.#statements[name], values })
    } catch (error) {
      if (tries === MAX_TRIES || !WORTH_ANOTHER_TRY.includes((error as { code: string }).code)) throw error
      // longer each time, and not all at the same time
      await setTimeout(Math.random() * 2 ** tries)
      return await this.#query(name, values, tries + 1)
    }
  }
}
