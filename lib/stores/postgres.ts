// Sessions in a table of PostgreSQL, through a pool of the package pg.
import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { RefreshTokenStore, Rotation, Session } from './store.ts'

/** What the store needs of a pool (or a client) of the package `pg`. */
export interface PostgresPool {
  query (query: { name?: string, text: string, values?: (string | number | null)[] }): Promise<{ rows: unknown[], rowCount: number | null }>
}

/** Where the table is. */
export interface PostgresTable {
  /** An existing schema: letters, digits and underscores. @default 'public' */
  schema?: string
  /** At most 55 letters, digits and underscores. @default 'token_auth_sessions' */
  table?: string
}

/** Options of `PostgresStore`. */
export interface PostgresStoreOptions extends PostgresTable {
  /** It stays the caller's: the store never ends it. */
  pool: PostgresPool
  /** The time in milliseconds since the epoch. @default Date.now */
  clock?: () => number
}

/** A row; pg gives out bigint columns as text unless its owner has told it otherwise. */
interface Row {
  id: string
  user_id: string
  generation: string
  previous_generation: string | null
  token_id: string
  created_at: string
  rotated_at: string
  expires_at: string
  scope: string
  details: string
}

/** SQLSTATE of transactions that PostgreSQL gave up in favour of others: serialization_failure and deadlock_detected. */
const WORTH_ANOTHER_TRY = ['40001', '40P01']
const MAX_TRIES = 10

/**
 * The SQL that makes the table, for migrations; it does nothing where there is one already.
 *
 * The fill factor leaves room in each page, and no index holds a column that `advance` changes, so that a refresh is
 * written in place (a "heap-only" update) and leaves nothing for VACUUM in any index.
 *
 * @throws TypeError if a name is not one
 */
export function createTableSql ({ schema = 'public', table = 'token_auth_sessions' }: PostgresTable = {}): string {
  return `
CREATE TABLE IF NOT EXISTS ${qualify(schema, table)} (
  id text COLLATE "C" PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  previous_generation bigint,
  token_id text NOT NULL,
  created_at bigint NOT NULL,
  rotated_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  scope json NOT NULL,
  details json NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS "${table}_user_id" ON ${qualify(schema, table)} (user_id);
`
}

/**
 * Keeps sessions in a table, one statement for each method, prepared once per connection. A statement that PostgreSQL
 * gives up because of others (serialization failure, deadlock) is tried again, up to ten times.
 *
 * @throws TypeError if the name of the schema or of the table is not one
 */
export class PostgresStore implements RefreshTokenStore {
  readonly #pool: PostgresPool
  readonly #clock: () => number
  readonly #createTable: string
  readonly #statements: ReturnType<typeof statements>

  constructor ({ pool, schema = 'public', table = 'token_auth_sessions', clock = Date.now }: PostgresStoreOptions) {
    this.#pool = pool
    this.#clock = clock
    this.#createTable = createTableSql({ schema, table })
    this.#statements = statements(qualify(schema, table))
  }

  /** Make the table if there is none. Several processes may do so at the same time. */
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
    return toSession(row as Row | undefined, now)
  }

  async find (id: string): Promise<Session | null> {
    const { rows: [row] } = await this.#query('find', [id])
    return toSession(row as Row | undefined, this.#clock())
  }

  async delete (id: string): Promise<boolean> {
    const { rowCount } = await this.#query('delete', [id, this.#clock()])
    return rowCount === 1
  }

  async findByUser (userId: string): Promise<Session[]> {
    const { rows } = await this.#query('findByUser', [userId])
    const now = this.#clock()
    return (rows as Row[]).map((row) => toSession(row, now)).filter((session) => session !== null)
  }

  async deleteByUser (userId: string, { except }: { except?: string } = {}): Promise<number> {
    const { rowCount } = await this.#query('deleteByUser', [userId, except ?? null, this.#clock()])
    return rowCount as number
  }

  /**
   * Delete all expired sessions, in batches that hold their locks for a moment only. Never needed for correctness, but
   * nothing else deletes them: call it every now and then, such as once an hour in one of the processes.
   *
   * @param options.batch how many sessions one statement looks at. Default: 1000
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
    return deleted
  }

  async #query (name: keyof ReturnType<typeof statements>, values: (string | number | null)[], tries = 1): ReturnType<PostgresPool['query']> {
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

function qualify (schema: string, table: string): string {
  for (const [what, name] of Object.entries({ schema, table })) {
    if (!/^[a-z_][a-z0-9_]{0,54}$/i.test(name)) {
      throw new TypeError(`PostgresStore: ${JSON.stringify(name)} is no name for a ${what}. Use at most 55 letters, digits and underscores, no digit first.`)
    }
  }
  return `"${schema}"."${table}"`
}

function statements (table: string) {
  const columns = 'id, user_id, generation, previous_generation, token_id, created_at, rotated_at, expires_at, scope::text, details::text'
  return {
    create: prepared(`
      INSERT INTO ${table} (id, user_id, generation, token_id, created_at, rotated_at, expires_at, scope, details)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
    // one that waits for another to write the row looks at the row again: to the right of an equals sign stands what that one wrote
    advance: prepared(`
      UPDATE ${table} SET
        generation = greatest(generation, $2::bigint),
        previous_generation = CASE WHEN generation < $2 THEN generation ELSE previous_generation END,
        token_id = CASE WHEN generation < $2 THEN $3 ELSE token_id END,
        rotated_at = CASE WHEN generation < $2 THEN $4 ELSE rotated_at END,
        expires_at = CASE WHEN generation < $2 THEN $5 ELSE expires_at END
      WHERE id = $1 AND expires_at > $6
      RETURNING ${columns}`),
    find: prepared(`SELECT ${columns} FROM ${table} WHERE id = $1`),
    delete: prepared(`DELETE FROM ${table} WHERE id = $1 AND expires_at > $2`),
    findByUser: prepared(`SELECT ${columns} FROM ${table} WHERE user_id = $1`),
    deleteByUser: prepared(`DELETE FROM ${table} WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND expires_at > $3`),
    // along the primary key, so that no index on expires_at has to be written at each refresh
    deleteExpired: prepared(`
      WITH batch AS (SELECT id FROM ${table} WHERE id > $1 ORDER BY id LIMIT $2),
        expired AS (DELETE FROM ${table} WHERE id IN (SELECT id FROM batch) AND expires_at <= $3 RETURNING id)
      SELECT (SELECT max(id) FROM batch) AS last, (SELECT count(*) FROM expired) AS deleted`)
  }
}

/** A connection remembers a statement by its name; that of another table must have another. */
function prepared (text: string): { name: string, text: string } {
  return { name: `token_auth_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`, text }
}

function toSession (row: Row | undefined, now: number): Session | null {
  if (row === undefined || Number(row.expires_at) <= now) return null
  const session: Session = {
    id: row.id,
    userId: row.user_id,
    generation: Number(row.generation),
    tokenId: row.token_id,
    createdAt: Number(row.created_at),
    rotatedAt: Number(row.rotated_at),
    expiresAt: Number(row.expires_at),
    scope: JSON.parse(row.scope),
    details: JSON.parse(row.details)
  }
  if (row.previous_generation !== null) session.previousGeneration = Number(row.previous_generation)
  return session
}
