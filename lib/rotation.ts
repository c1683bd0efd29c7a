// The rotation rule, "the highest generation wins": pure functions without I/O, from a refresh token and the session as the store returned it to a verdict.
import type { Session } from './stores/store.ts'

/** The part of a refresh token that the rule looks at. */
export interface Presented {
  /** How many rotations lie between the login and this token; the token of a login has 1. */
  generation: number
  /** The token's `jti`. */
  tokenId: string
  /** Until then it does not rotate, see `holdOf`; in milliseconds since the epoch. */
  heldUntil: number
}

/**
 * - `accepted`: the newest token that has ever rotated, for the first time or again, because its answer was lost or
 *   another request carried it, too. Answer an access token and a successor.
 * - `held`: a newer one, which may not rotate yet. Answer an access token; the client keeps its refresh token.
 * - `reused`: a token that another one has overtaken, a sign of theft. End the session.
 * - `gone`: no such session.
 */
export type Verdict = 'accepted' | 'held' | 'reused' | 'gone'

/**
 * Whether the token is too young to rotate: the store is then asked for the session as it stands, and not to advance it.
 *
 * @param now the server's time before the store is asked, in milliseconds since the epoch
 */
export function isHeld ({ heldUntil }: Presented, now: number): boolean {
  return now <= heldUntil
}

/**
 * Until when a successor is held, in milliseconds since the epoch. A token has one successor for each request that
 * carried it: racing tabs, a retry after a lost answer. Which of them stays in the client is settled three leeways after
 * any of them was issued (one for its answer, one for the requests that still carried the token, one for theirs). Only
 * then may it rotate, so none that was overwritten ever overtakes the one that is in use.
 *
 * @param leeway how long a request and its answer may be under way, in milliseconds
 */
export function holdOf (now: number, leeway: number): number {
  return now + 3 * leeway
}

/**
 * Judge a refresh token against the session as it stands after `store.advance(id, { generation: presented.generation,
 * tokenId: presented.tokenId, … })`, or after `store.find(id)` if the token is held.
 */
export function judge (presented: Presented, session: Session | null): Verdict {
  if (session === null) return 'gone'
  if (session.tokenId === presented.tokenId) return 'accepted'
  return session.generation < presented.generation ? 'held' : 'reused'
}

/**
 * The same for `strict`, where the store was asked to advance straight to the successor: the presented token is spent
 * from then on, and within the leeway its retry is answered the very same successor, which is the session's token.
 *
 * @param successor the `jti` of the successor that the store was asked to take
 * @param now the server's time before the store was asked, in milliseconds since the epoch
 */
export function judgeStrictly (presented: Presented, successor: string, session: Session | null, now: number, leeway: number): Verdict {
  if (session === null) return 'gone'
  if (session.tokenId === successor) return 'accepted'
  const isPredecessor = session.generation === presented.generation + 1
  return now - session.rotatedAt <= leeway && isPredecessor ? 'accepted' : 'reused'
}
