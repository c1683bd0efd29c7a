// Refresh tokens: mint and parse. A compact JWT that names a session, a generation and itself; only the server can make one.
import { createJwt, hmacSigner, isCount, isText } from './jwt.ts'
import { refreshTokenKey, type Key } from './keys.ts'

/** What a good refresh token says of its session and its place in it. */
export interface PresentedToken {
  sessionId: string
  /** How many rotations lie between the login and this token. */
  generation: number
  /** The `jti`: 128 random bits. */
  tokenId: string
  /** When the person logged in, in seconds since the epoch. */
  authTime: number
  /** Until then it does not rotate, see `holdOf`; in milliseconds since the epoch, 0 if it may at once. */
  heldUntil: number
}

/** What a new refresh token says. */
export interface RefreshToken extends PresentedToken {
  /** When it is issued, in seconds since the epoch. */
  issuedAt: number
  /** When it expires, in milliseconds since the epoch. */
  expiresAt: number
}

/** Mints and parses refresh tokens. */
export interface RefreshTokens {
  mint (token: RefreshToken): string
  /** What a token of ours says, or why it does not count: `forged` is everything that we did not sign. */
  parse (text: string, now: number): PresentedToken | 'forged' | 'expired'
}

/** The `typ` header. */
const TYP = 'rt+jwt'

/** @param keys the keys of the access tokens, from which those of the refresh tokens are derived */
export function createRefreshTokens (keys: Key[]): RefreshTokens {
  const derived = keys.map(refreshTokenKey)
  const jwt = createJwt(derived, TYP, hmacSigner(derived[0] as Key, TYP))
  return {
    mint ({ sessionId, generation, tokenId, authTime, issuedAt, expiresAt, heldUntil }) {
      return jwt.sign({ sid: sessionId, gen: generation, jti: tokenId, auth_time: authTime, iat: issuedAt, exp: Math.floor(expiresAt / 1000), held: heldUntil })
    },
    parse (text, now) {
      const claims = jwt.verify(text)
      if (claims === null) return 'forged'
      const { sid, gen, jti, auth_time: authTime, iat, exp, held } = claims
      if (!isText(sid) || !isText(jti) || !isCount(gen) || !isCount(authTime) || !isCount(iat) || !isCount(exp) || !isCount(held)) return 'forged'
      if (now >= exp * 1000) return 'expired'
      return { sessionId: sid, generation: gen, tokenId: jti, authTime, heldUntil: held }
    }
  }
}
