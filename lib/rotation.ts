// The rotation rule, "the highest generation wins": pure functions without I/O, from a refresh token and the session as the store returned it to a verdict.
import type { Session } from './stores/store.ts'

/** The part of a refresh token that the rule looks at. */
export interface Presented {
  /** How many rotations lie between the login and this token; the token of a login has 1. */
  generation: number
  /** The token's `jti`. */
  tokenId: string
  /** When it was issued, in seconds since the epoch. */
  issuedAt: number
  /** Before this time it does not rotate; in milliseconds since the epoch. */
  heldUntil: number
}

/**
 * - `rotated`: the token was presented for the first time. Answer an access token and its one successor.
 * - `retried`: it was presented before, but its successor never came back: that answer was lost. Answer an access token
 *   and another successor.
 * - `late`: an answer with the successor is, or may be, still under way, or has overtaken this request. Answer an
 *   access token only: the client has or will have a newer refresh token, and a thief must not be able to follow along.
 * - `reused`: an old token after its successor was used, a sign of theft. End the session.
 * - `gone`: no such session.
 */
export type Verdict = 'rotated' | 'retried' | 'late' | 'reused' | 'gone'

/**
 * How many generations a straggler may be behind. `holdOf` lets a session rotate no more than twice within the leeway,
 * so a request that is processed within the leeway is never further behind.
 */
const MAX_LAG = 2

/**
 * Whether the token is too young to rotate: the store is then asked for the session as it stands, and not to advance it.
 *
 * @param now the server's time before the store is asked, in milliseconds since the epoch
 */
export function isHeld (presented: Presented, now: number): boolean {
  return now < presented.heldUntil
}

/**
 * What the row's `tokenId` becomes when this request moves it: the token's id, and one of the request, by which it
 * recognises that it was the one that did.
 */
export function presentationOf (presented: Presented, requestId: string): string {
  return `${presented.tokenId}.${requestId}`
}

/**
 * Judge a refresh token against the session as it stands after `store.advance(id, { generation: presented.generation,
 * tokenId: presentationOf(presented, requestId), … })`, or after `store.find(id)` if it is held.
 *
 * @param now the server's time before the store was asked, in milliseconds since the epoch
 * @param leeway how long a request and its answer may be under way, in milliseconds
 */
export function judge (presented: Presented, requestId: string, session: Session | null, now: number, leeway: number): Verdict {
  if (session === null) return 'gone'
  if (session.tokenId === presentationOf(presented, requestId)) return 'rotated'
  if (session.generation < presented.generation) return 'late' // it is held, and still the newest
  const isRecent = now - session.rotatedAt <= leeway
  // the id alone stands there where it was written by `strict`, which the host has since switched off
  if (session.tokenId.split('.')[0] === presented.tokenId) return isRecent ? 'late' : 'retried'
  return isRecent && session.generation - presented.generation <= MAX_LAG ? 'late' : 'reused'
}

/**
 * Until when the successor of a token is held, in milliseconds since the epoch. Two things must never be about at once:
 * two successors of one token of which either may end up in the cookie, and requests that are three rotations apart.
 * A first successor is alone and may rotate at once, though not as the third rotation within a leeway. A further one
 * waits until every request with its predecessor, and their answers, have come home.
 */
export function holdOf (verdict: 'rotated' | 'retried', presented: Presented, now: number, leeway: number): number {
  if (verdict === 'retried') return now + 2 * leeway
  // the token of a login was not issued by a rotation; a second more, because `iat` was rounded down
  return presented.generation === 1 ? 0 : (presented.issuedAt + 1) * 1000 + leeway
}

/**
 * The same for `strict`, where the store was asked to advance straight to the successor: the presented token is spent
 * from then on, and within the leeway its retry is answered the very same successor, which is the session's token.
 *
 * @param successor the `jti` of the successor that the store was asked to take
 */
export function judgeStrictly (presented: Presented, successor: string, session: Session | null, now: number, leeway: number): Verdict {
  if (session === null) return 'gone'
  if (session.tokenId === successor) return 'rotated'
  const isPredecessor = session.generation === presented.generation + 1
  return now - session.rotatedAt <= leeway && isPredecessor ? 'retried' : 'reused'
}
