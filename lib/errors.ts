// Every error the plugin throws, once: its code, its status and what it says.

const ERRORS = {
  INVALID_OPTION: [500, 'An option of fastify-token-auth is invalid'],
  ALREADY_REGISTERED: [500, 'fastify-token-auth is already registered in this scope or one above it; register each instance in a scope of its own, side by side'],
  NOT_GUARDED: [500, 'request.auth was read on a route without a guard'],
  INVALID_USER: [500, 'A user is an object whose id is a string that is not empty: for a number, give { id: String(id) }; for nobody, null'],
  INVALID_CLAIMS: [500, 'accessToken.claims returned something that does not fit into an access token'],
  TOKEN_TOO_LARGE: [500, 'The token is too large: put less into it'],
  INVALID_SCOPE: [500, 'Scopes are an array of strings, each of visible ASCII characters without blank, quote and backslash (RFC 6749 section 3.3)'],
  UNEXPECTED: [500, 'Something went wrong'],
  INVALID_CREDENTIALS: [401, 'Invalid credentials'],
  MISSING_ACCESS_TOKEN: [401, 'An access token is required: send it as "Authorization: Bearer <token>"'],
  INVALID_ACCESS_TOKEN: [401, 'The access token is invalid'],
  EXPIRED_ACCESS_TOKEN: [401, 'The access token has expired'],
  SESSION_REVOKED: [401, 'The session has ended'],
  LOGIN_TOO_OLD: [401, 'A more recent log-in is required'],
  MISSING_REFRESH_TOKEN: [401, 'A refresh token is required'],
  INVALID_REFRESH_TOKEN: [401, 'The refresh token is invalid'],
  INSUFFICIENT_SCOPE: [403, 'The access token lacks a scope that this route requires'],
  CROSS_ORIGIN: [403, 'Cross-origin request refused: its origin is not in allowedOrigins'],
  SESSION_NOT_FOUND: [404, 'No such session'],
  TOO_MANY_ATTEMPTS: [429, 'Too many attempts to log in, try again later'],
  STORE_UNAVAILABLE: [503, 'Sessions cannot be looked up at the moment, try again'],
  USER_VERIFIER_FAILED: [503, 'Users cannot be looked up at the moment, try again']
} as const satisfies Record<string, readonly [statusCode: number, message: string]>

type ErrorName = keyof typeof ERRORS

/** The stable codes by which a program tells the plugin's errors apart; each has one status. */
export type TokenAuthErrorCode = `FST_TOKEN_AUTH_${ErrorName}`

/** What the plugin throws. No message ever contains a token, a password or a cookie. */
export class TokenAuthError extends Error {
  override readonly name = 'TokenAuthError'
  readonly code: TokenAuthErrorCode
  readonly statusCode: number
  /** Headers of the answer, which Fastify's error handler sets: with a 503 `Retry-After`, in seconds. */
  readonly headers: Record<string, string>

  /** @param details `message` replaces the code's usual message, `cause` is what led to the error */
  constructor (name: ErrorName, details: { message?: string, cause?: unknown } = {}) {
    const [statusCode, message] = ERRORS[name]
    super(details.message ?? message, 'cause' in details ? { cause: details.cause } : {})
    this.code = `FST_TOKEN_AUTH_${name}`
    this.statusCode = statusCode
    this.headers = statusCode === 503 ? { 'retry-after': '1' } : {}
  }
}
