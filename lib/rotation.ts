// The rotation rule, "the highest generation wins": pure functions without I/O, from the session as the store returned it to a verdict.
import type { Session } from './stores/store.ts'

/** The part of a refresh token that the rule looks at. */
export interface Presented {
  /** The token's generation: how many rotations lie between the login and this token. */
  generation: number
  /** The token's `jti`. */
  tokenId: string
}

/**
 * - `accepted`: the newest token ever presented, for the first time or again after a lost answer. Answer an access
 *   token and a successor.
 * - `late`: a straggler of a race. Answer an access token only: whoever moved the generation on has the newer refresh
 *   token, and a thief must not be able to follow along.
 * - `reused`: an old token after its successor was used, a sign of theft. End the session.
 * - `gone`: no such session.
 */
export type Verdict = 'accepted' | 'late' | 'reused' | 'gone'

/**
 * How many generations a straggler may be behind. Three tabs that refresh in turn need 2; each more lets a thief go
 * unnoticed for one rotation longer.
 */
const MAX_LAG = 2

/**
 * Judge a refresh token against the session as it stands after `store.advance(id, { generation: presented.generation,
 * tokenId: presented.tokenId, … })`.
 *
 * @param now the server's time before the store was asked, in milliseconds since the epoch
 * @param leeway for how long after a rotation a straggler is answered, in milliseconds
 */
export function judge (presented: Presented, session: Session | null, now: number, leeway: number): Verdict {
  if (session === null) return 'gone'
  if (session.tokenId === presented.tokenId) return 'accepted'
  const lag = session.generation - presented.generation
  return now - session.rotatedAt <= leeway && lag <= MAX_LAG ? 'late' : 'reused'
}

/**
 * The same for `strict`, where the store was asked to advance straight to the successor: the presented token is spent
 * from then on, and within the leeway its retry is answered the very same successor, which is the session's token.
 *
 * @param successor the `jti` of the successor that the store was asked to take
 */
export function judgeStrictly (presented: Presented, successor: string, session: Session | null, now: number, leeway: number): Verdict {
  if (session === null) return 'gone'
  if (session.tokenId === successor) return 'accepted'
  const isPredecessor = session.generation === presented.generation + 1
  return now - session.rotatedAt <= leeway && isPredecessor ? 'accepted' : 'reused'
}
