// A store of one's own: sessions in the app's database, through Kysely, on PostgreSQL or SQLite.
import { type Kysely, sql } from 'kysely'
import type { RefreshTokenStore, Rotation, Session } from 'fastify-token-auth'

export interface Sessions {
  id: string
  user_id: string
  generation: number
  token_id: string
  rotated_at: number
  expires_at: number
  /** What never changes, as JSON. */
  login: string
}

export class KyselyStore implements RefreshTokenStore {
  readonly #db: Kysely<{ sessions: Sessions }>

  constructor (db: Kysely<{ sessions: Sessions }>) { this.#db = db }

  async create ({ id, userId, generation, tokenId, rotatedAt, expiresAt, createdAt, scope, details }: Session) {
    const login = JSON.stringify({ createdAt, scope, details })
    await this.#db.insertInto('sessions').values({ id, user_id: userId, generation, token_id: tokenId, rotated_at: rotatedAt, expires_at: expiresAt, login }).execute()
  }

  async advance (id: string, { generation, tokenId, rotatedAt, expiresAt }: Rotation) {
    // one statement: what is read first and written later, somebody else may have changed in between
    const newer = <T>(value: T, column: string) => sql<T>`case when generation < ${generation} then ${value} else ${sql.ref(column)} end`
    const moved = { generation: newer(generation, 'generation'), token_id: newer(tokenId, 'token_id'), rotated_at: newer(rotatedAt, 'rotated_at'), expires_at: newer(expiresAt, 'expires_at') }
    return toSession(await this.#db.updateTable('sessions').set(moved).where('id', '=', id).where('expires_at', '>', Date.now()).returningAll().executeTakeFirst())
  }

  async find (id: string) {
    return toSession(await this.#db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst())
  }

  async delete (id: string) {
    const { numDeletedRows } = await this.#db.deleteFrom('sessions').where('id', '=', id).where('expires_at', '>', Date.now()).executeTakeFirst()
    return numDeletedRows > 0
  }

  async findByUser (userId: string) {
    const rows = await this.#db.selectFrom('sessions').selectAll().where('user_id', '=', userId).execute()
    return rows.map(toSession).filter((session) => session !== null)
  }

  async deleteByUser (userId: string, { except = '' } = {}) {
    const { numDeletedRows } = await this.#db.deleteFrom('sessions').where('user_id', '=', userId).where('id', '<>', except).where('expires_at', '>', Date.now()).executeTakeFirst()
    return Number(numDeletedRows)
  }
}

function toSession (row: Sessions | undefined): Session | null {
  if (row === undefined || Number(row.expires_at) <= Date.now()) return null
  const { id, user_id: userId, token_id: tokenId, login } = row
  // PostgreSQL's driver gives out bigint as text
  return { id, userId, tokenId, generation: Number(row.generation), rotatedAt: Number(row.rotated_at), expiresAt: Number(row.expires_at), ...JSON.parse(login) }
}
