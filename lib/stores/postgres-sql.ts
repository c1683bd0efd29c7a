// The SQL of PostgresStore: the tables and one statement for each method.
import { createHash } from 'node:crypto'

/** Where the tables are. */
export interface PostgresTable {
  /** An existing schema: letters, digits and underscores. @default 'public' */
  schema?: string
  /** At most 50 letters, digits and underscores. @default 'token_auth_sessions' */
  table?: string
}

/**
 * The SQL that makes the table, and a small one beside it that remembers what was revoked, for migrations; it does
 * nothing where they are already.
 *
 * The fill factor leaves room in each page, and no index holds a column that `advance` changes, so that a refresh is
 * written in place (a "heap-only" update) and leaves nothing for VACUUM in any index.
 *
 * @throws TypeError if a name is not one
 */
export function createTableSql ({ schema = 'public', table = 'token_auth_sessions' }: PostgresTable = {}): string {
  const { sessions, revoked } = qualify(schema, table)
  return `
CREATE TABLE IF NOT EXISTS ${sessions} (
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
CREATE INDEX IF NOT EXISTS "${table}_user_id" ON ${sessions} (user_id);
CREATE TABLE IF NOT EXISTS ${revoked} (
  id text NOT NULL,
  revoked_at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS "${table}_revoked_at" ON ${revoked} (revoked_at);
`
}

/** A statement that a connection remembers by its name. */
export interface Statement {
  name: string
  text: string
}

/** @throws TypeError if a name is not one */
export function statements ({ schema = 'public', table = 'token_auth_sessions' }: PostgresTable) {
  const { sessions, revoked } = qualify(schema, table)
  const channel = `token_auth_${hash(sessions)}`
  const columns = 'id, user_id, generation, previous_generation, token_id, created_at, rotated_at, expires_at, scope::text, details::text'
  /** Delete, remember that and tell all who listen; a row for each. */
  const revoke = (condition: string) => prepared(`
      WITH deleted AS (DELETE FROM ${sessions} WHERE ${condition} AND expires_at > $1 RETURNING id),
        remembered AS (INSERT INTO ${revoked} (id, revoked_at) SELECT id, $1::bigint FROM deleted)
      SELECT pg_notify('${channel}', id) FROM deleted`)
  return {
    create: prepared(`
      INSERT INTO ${sessions} (id, user_id, generation, token_id, created_at, rotated_at, expires_at, scope, details)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
    // one that waits for another to write the row looks at the row again: to the right of an equals sign stands what that one wrote
    advance: prepared(`
      UPDATE ${sessions} SET
        generation = greatest(generation, $2::bigint),
        previous_generation = CASE WHEN generation < $2 THEN generation ELSE previous_generation END,
        token_id = CASE WHEN generation < $2 THEN $3 ELSE token_id END,
        rotated_at = CASE WHEN generation < $2 THEN $4 ELSE rotated_at END,
        expires_at = CASE WHEN generation < $2 THEN $5 ELSE expires_at END
      WHERE id = $1 AND expires_at > $6
      RETURNING ${columns}`),
    find: prepared(`SELECT ${columns} FROM ${sessions} WHERE id = $1`),
    delete: revoke('id = $2'),
    findByUser: prepared(`SELECT ${columns} FROM ${sessions} WHERE user_id = $1`),
    deleteByUser: revoke('user_id = $2 AND id IS DISTINCT FROM $3'),
    // along the primary key, so that no index on expires_at has to be written at each refresh
    deleteExpired: prepared(`
      WITH batch AS (SELECT id FROM ${sessions} WHERE id > $1 ORDER BY id LIMIT $2),
        expired AS (DELETE FROM ${sessions} WHERE id IN (SELECT id FROM batch) AND expires_at <= $3 RETURNING id)
      SELECT (SELECT max(id) FROM batch) AS last, (SELECT count(*) FROM expired) AS deleted`),
    deleteRevoked: prepared(`DELETE FROM ${revoked} WHERE revoked_at <= $1`),
    listen: prepared(`LISTEN ${channel}`),
    findRevoked: prepared(`SELECT id FROM ${revoked} WHERE revoked_at > $1`)
  }
}

function qualify (schema: string, table: string): { sessions: string, revoked: string } {
  for (const [what, name] of Object.entries({ schema, table })) {
    if (!/^[a-z_][a-z0-9_]{0,49}$/i.test(name)) {
      throw new TypeError(`PostgresStore: ${JSON.stringify(name)} is no name for a ${what}. Use at most 50 letters, digits and underscores, no digit first.`)
    }
  }
  return { sessions: `"${schema}"."${table}"`, revoked: `"${schema}"."${table}_revoked"` }
}

/** Its name comes from its text: a connection may have those of several tables. */
function prepared (text: string): Statement {
  return { name: `token_auth_${hash(text)}`, text }
}

function hash (text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
