// One-time tokens for links in mails and for steps of a log-in: random, short-lived, good for one use, kept only as a hash.
import { createHash, randomBytes } from 'node:crypto'

/** Issues tokens that stand for something, and exchanges each for it once. */
export interface OneTimeTokens<Value> {
  issue (value: Value): string
  /** What the token stands for; `null` if it never existed, is used up or too old. */
  redeem (token: string): Value | null
  /** The same, without using it up: for steps that one may get wrong. */
  find (token: string): Value | null
}

/**
 * In memory, for one process. In a database, `redeem` is one statement, so that of two requests only one gets a row:
 * `DELETE FROM tokens WHERE hash = $1 AND expires_at > $2 RETURNING value`.
 *
 * @param lifetime in milliseconds
 */
export function createOneTimeTokens<Value> ({ lifetime, clock = Date.now }: { lifetime: number, clock?: () => number }): OneTimeTokens<Value> {
  const pending = new Map<string, { value: Value, expiresAt: number }>()

  /** All live equally long, so the oldest come first. */
  function forgetExpired (): void {
    for (const [hash, { expiresAt }] of pending) {
      if (expiresAt > clock()) return
      pending.delete(hash)
    }
  }

  return {
    issue (value) {
      forgetExpired()
      const token = randomBytes(32).toString('base64url')
      pending.set(hashOf(token), { value, expiresAt: clock() + lifetime })
      return token
    },
    redeem (token) {
      const value = this.find(token)
      pending.delete(hashOf(token))
      return value
    },
    find (token) {
      forgetExpired()
      return pending.get(hashOf(token))?.value ?? null
    }
  }
}

/** A plain hash will do for 256 random bits: there is nothing to guess, and who reads the table gets no token. */
function hashOf (token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
