// A session as a row of SQL: what PostgreSQL and SQLite give out, and the session that is made of it.
import type { Session } from './store.ts'

/** A row; whole numbers come as the driver, or who set it up, wants them: as number, bigint or text. */
export interface SessionRow {
  id: string
  user_id: string
  generation: number | bigint | string
  previous_generation: number | bigint | string | null
  token_id: string
  created_at: number | bigint | string
  rotated_at: number | bigint | string
  expires_at: number | bigint | string
  scope: string
  details: string
}

/** The session of a row, or `null` if there is none or it has expired. */
export function toSession (row: SessionRow | undefined, now: number): Session | null {
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
