// The one error class of the client, and the codes it carries.

/** The codes that a server of fastify-token-auth answers on the auth routes; another server may have more. */
export type ServerErrorCode =
  | 'FST_TOKEN_AUTH_INVALID_CREDENTIALS'
  | 'FST_TOKEN_AUTH_TOO_MANY_ATTEMPTS'
  | 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN'
  | 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN'
  | 'FST_TOKEN_AUTH_CROSS_ORIGIN'
  | 'FST_TOKEN_AUTH_STORE_UNAVAILABLE'
  | 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED'

/**
 * What went wrong.
 *
 * - `NO_ANSWER`: offline, cut off, refused by the browser, or slower than `timeout`
 * - `UNEXPECTED_ANSWER`: not what an auth route answers, such as the page of a proxy
 * - `USER_CHANGED`: the person logged out, or somebody else logged in, while the request was under way
 * - any other is the `code` of the server's answer
 */
export type AuthErrorCode = 'NO_ANSWER' | 'UNEXPECTED_ANSWER' | 'USER_CHANGED' | ServerErrorCode | (string & Record<never, never>)

/** What every method of the client rejects with, unless the caller's own signal or the caller's own storage did it. */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: AuthErrorCode
  /** The status of the answer, 0 where none came. */
  readonly status: number
  /** Seconds to wait before it is worth trying again, where the server has said so. */
  readonly retryAfter: number | undefined

  constructor (code: AuthErrorCode, message: string, { status = 0, retryAfter, cause }: { status?: number, retryAfter?: number | undefined, cause?: unknown } = {}) {
    super(message, { cause })
    this.code = code
    this.status = status
    this.retryAfter = retryAfter
  }
}
