// What an access token says, read without being verified: to show it, never to decide by it.

/** The payload of an access token (RFC 9068 section 2.2); times are in seconds since the epoch. */
export interface AccessTokenClaims {
  /** The user's id. */
  sub: string
  /** The session's id. */
  sid: string
  jti: string
  iat: number
  exp: number
  /** When the person logged in. */
  auth_time: number
  /** What the token is good for, separated by blanks. */
  scope?: string
  iss?: string
  aud?: string | string[]
}

/** Read the payload of a token (RFC 7519 section 3). Throws whatever it stumbles over. */
export function readClaims (token: string): AccessTokenClaims {
  const [, payload = ''] = token.split('.')
  const bytes = atob(payload.replace(/-/g, '+').replace(/_/g, '/'))
  // percent signs instead of TextDecoder, which React Native lacks
  return JSON.parse(decodeURIComponent(bytes.replace(/[^]/g, (byte) => '%' + byte.charCodeAt(0).toString(16).padStart(2, '0'))))
}
