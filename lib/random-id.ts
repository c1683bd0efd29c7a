// Ids that nobody can guess: 128 bits of a CSPRNG each (ASVS 5.0 7.2.3), drawn in bulk, because most of what one costs is asking for it.
import { randomFillSync } from 'node:crypto'

const ID_BYTES = 16

const pool = Buffer.alloc(128 * ID_BYTES)
let drawn = pool.length

/** 22 characters of base64url. */
export function randomId (): string {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  const end = drawn + ID_BYTES
  const id = pool.toString('base64url', drawn, end)
  // what was handed out is not kept
  pool.fill(0, drawn, end)
  drawn = end
  return id
}
