// The guard: authenticate a request by its access token, then authorize what it may do. Asks nobody, unless `liveSession` is wanted.
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { AccessTokens, Auth } from './access-token.ts'
import type { BoundedStore } from './bounded-store.ts'
import { TokenAuthError } from './errors.ts'

/** What `app.authorize` demands besides a valid access token. */
export interface Requirements {
  /** All of these scopes, else 403. */
  scope?: string | string[]
  /** The person must have logged in within this many seconds, else 401 (RFC 9470). */
  maxAge?: number
  /** Ask the store whether the session still stands: one store call for each request. */
  liveSession?: boolean
  /** No token is fine, a bad one is not: read `request.authOrNull`. */
  optional?: boolean
}

/** A hook for `onRequest`, `preValidation` or `preHandler`; also for @fastify/auth. It throws and never replies. */
export type AuthenticateHook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

/** The hook that `app.authorize` returns. */
export type AuthorizeHook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Makes hooks. */
export interface Guard {
  authenticate: AuthenticateHook
  authorize (requirements: Requirements): AuthorizeHook
}

// The scheme is case-insensitive (RFC 9110 section 11.1), one blank, then the token (RFC 6750 section 2.1).
const BEARER = /^bearer /i

export function createGuard (accessTokens: AccessTokens, store: BoundedStore, clock: () => number): Guard {
  /** @throws TokenAuthError 401, having set `WWW-Authenticate` (RFC 6750 section 3), which a host's own error handler keeps */
  function authenticate (request: FastifyRequest, reply: FastifyReply): Auth {
    const authorization = request.headers.authorization
    if (authorization === undefined || !/^bearer\b/i.test(authorization)) {
      reply.header('www-authenticate', 'Bearer')
      throw new TokenAuthError('MISSING_ACCESS_TOKEN')
    }
    try {
      if (!BEARER.test(authorization) || isRepeated(request)) throw new TokenAuthError('INVALID_ACCESS_TOKEN')
      const auth = accessTokens.verify(authorization.slice('bearer '.length), clock())
      request.authOrNull = auth
      return auth
    } catch (err) {
      reply.header('www-authenticate', 'Bearer error="invalid_token"')
      throw err
    }
  }

  return {
    authenticate (request, reply, done) {
      authenticate(request, reply)
      done()
    },
    authorize ({ scope = [], maxAge, liveSession = false, optional = false }) {
      const required = [scope].flat()
      return async function authorize (request, reply) {
        if (optional && request.headers.authorization === undefined) return
        const auth = authenticate(request, reply)
        if (!required.every((name) => auth.scope.includes(name))) {
          reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${required.join(' ')}"`)
          throw new TokenAuthError('INSUFFICIENT_SCOPE')
        }
        if (maxAge !== undefined && clock() - auth.claims.auth_time * 1000 > maxAge * 1000) {
          reply.header('www-authenticate', `Bearer error="insufficient_user_authentication", max_age="${maxAge}"`)
          throw new TokenAuthError('LOGIN_TOO_OLD')
        }
        if (liveSession && await store.find(auth.sessionId) === null) {
          reply.header('www-authenticate', 'Bearer error="invalid_token"')
          throw new TokenAuthError('SESSION_REVOKED')
        }
      }
    }
  }
}

/** Node.js keeps the first of several `Authorization` headers; a proxy may have looked at another. */
function isRepeated ({ raw: { rawHeaders } }: FastifyRequest): boolean {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 'authorization'.length && name.toLowerCase() === 'authorization') count++
  }
  return count > 1
}
