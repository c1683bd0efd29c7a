// The guard: authenticate a request by its access token, then authorize what it may do. Asks nobody, unless `liveSession` is wanted.
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction, RouteOptions } from 'fastify'
import { Type } from 'typebox'
import type { AccessTokens, Auth } from './access-token.ts'
import type { BoundedStore } from './bounded-store.ts'
import { toMilliseconds, type Duration } from './duration.ts'
import { TokenAuthError } from './errors.ts'
import type { RevokedSessions } from './revoked-sessions.ts'
import { ScopeName } from './schemas.ts'
import { SeenTokens } from './seen-tokens.ts'
import { DurationSchema, Flag, problemOf, strictly } from './validate.ts'

/** What `app.authorize` demands besides a valid access token. */
export interface Requirements {
  /** All of these scopes, else 403. */
  scope?: string | string[]
  /** The person must have logged in no longer ago than this, else 401 (RFC 9470). */
  maxAge?: Duration
  /** Ask the store whether the session still stands: one store call for each request. */
  liveSession?: boolean
  /** No token is fine, a bad one is not: read `request.authOrNull`. */
  optional?: boolean
}

const RequirementsSchema = Type.Object({
  scope: Type.Optional(Type.Union([ScopeName, Type.Array(ScopeName, { minItems: 1 })], { description: 'a scope, or an array of scopes: visible characters without blank, quote and backslash' })),
  maxAge: Type.Optional(DurationSchema),
  liveSession: Type.Optional(Flag),
  optional: Type.Optional(Flag)
}, strictly)

/** A hook for `onRequest`, `preValidation` or `preHandler`; also for @fastify/auth. It throws and never replies. */
export type AuthenticateHook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

/** The hook that `app.authorize` returns. */
export type AuthorizeHook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Finds out who makes a request, or speaks with a bare token. */
export interface Guard {
  authenticate: AuthenticateHook
  /** Who a token speaks for, where there is no request. */
  verify (token: string): Auth
  authorize (requirements: Requirements): AuthorizeHook
}

/** Collaborators of the guard. */
export interface GuardContext {
  accessTokens: AccessTokens
  store: BoundedStore
  revoked: RevokedSessions
  clock: () => number
}

/** For the `config` of a route that needs no access token: a guard of the whole app would else lock log-in and refresh away. */
export const OPEN = { tokenAuth: 'open' } as const

/** Every hook that was made, to tell them from others. */
const guards = new WeakSet<object>()

/**
 * A hook for Fastify's `onRoute`: a route that lets everybody in and has a guard of its own contradicts itself. Throws
 * `FST_TOKEN_AUTH_INVALID_OPTION`.
 */
export function refuseOpenAndGuarded ({ method, url, config, onRequest, preParsing, preValidation, preHandler }: RouteOptions): void {
  const isGuarded = [onRequest, preParsing, preValidation, preHandler].flat().some((hook) => hook !== undefined && guards.has(hook))
  if (isGuarded && config?.tokenAuth === OPEN.tokenAuth) {
    throw new TokenAuthError('INVALID_OPTION', { message: `${String(method)} ${url} has a guard and config.tokenAuth 'open', which switches it off: leave out one of them` })
  }
}

export function createGuard ({ accessTokens, store, revoked, clock }: GuardContext): Guard {
  /** By the whole header, so that a token seen before costs a look-up and no parsing. */
  const seen = new SeenTokens<Auth>()

  /** @throws TokenAuthError 401, having set `WWW-Authenticate` (RFC 6750 section 3), which a host's own error handler keeps */
  function identify (request: FastifyRequest, reply: FastifyReply): Auth {
    const authorization = request.headers.authorization ?? ''
    try {
      const auth = seen.get(authorization) ?? read(authorization)
      check(auth)
      if (isRepeated(request)) throw new TokenAuthError('INVALID_ACCESS_TOKEN')
      request.authOrNull = auth
      return auth
    } catch (err) {
      const isMissing = (err as TokenAuthError).code === 'FST_TOKEN_AUTH_MISSING_ACCESS_TOKEN'
      reply.header('www-authenticate', isMissing ? 'Bearer' : 'Bearer error="invalid_token"')
      throw err
    }
  }

  function read (authorization: string): Auth {
    // the scheme is case-insensitive (RFC 9110 section 11.1), then one blank and the token (RFC 6750 section 2.1)
    if (!/^bearer(?:\s|$)/i.test(authorization)) throw new TokenAuthError('MISSING_ACCESS_TOKEN')
    const auth = accessTokens.read(authorization.replace(/^bearer /i, ''))
    seen.add(authorization, auth)
    return auth
  }

  /** What can change from one request to the next, so it is never remembered. */
  function check (auth: Auth): void {
    accessTokens.checkTime(auth, clock())
    if (revoked.has(auth.sessionId)) throw new TokenAuthError('SESSION_REVOKED')
  }

  return {
    authenticate: guarding((request, reply, done) => {
      if (!needsNobody(request)) identify(request, reply)
      done()
    }),
    verify (token) {
      const auth = accessTokens.read(token)
      check(auth)
      return auth
    },
    authorize (requirements) {
      // a requirement that comes out of an unset variable must not be none
      const [unset] = Object.entries(Object(requirements)).find(([, value]) => value === undefined) ?? []
      const problem = unset === undefined ? problemOf(requirements, RequirementsSchema, 'its argument') : `${unset} is undefined: leave it out, or say what is required`
      if (problem !== undefined) throw new TokenAuthError('INVALID_OPTION', { message: `app.authorize: ${problem}` })
      const { scope = [], maxAge, liveSession = false, optional = false } = requirements
      const required = [scope].flat()
      const maxAgeMs = maxAge === undefined ? Infinity : toMilliseconds(maxAge) as number
      return guarding(async (request, reply) => {
        if (needsNobody(request, optional)) return
        const auth = identify(request, reply)
        if (!required.every((name) => auth.scope.includes(name))) {
          reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${required.join(' ')}"`)
          throw new TokenAuthError('INSUFFICIENT_SCOPE')
        }
        if (clock() - auth.claims.auth_time * 1000 > maxAgeMs) {
          reply.header('www-authenticate', `Bearer error="insufficient_user_authentication", max_age="${Math.floor(maxAgeMs / 1000)}"`)
          throw new TokenAuthError('LOGIN_TOO_OLD')
        }
        if (liveSession && await store.find(auth.sessionId) === null) {
          reply.header('www-authenticate', 'Bearer error="invalid_token"')
          throw new TokenAuthError('SESSION_REVOKED')
        }
      })
    }
  }
}

function guarding<Hook extends object> (hook: Hook): Hook {
  guards.add(hook)
  return hook
}

/** Whether a request is let in without a token. @param optional whether the guard itself takes guests */
function needsNobody ({ routeOptions: { config }, headers }: FastifyRequest, optional = false): boolean {
  // a request that no route takes has no config, whatever the types say
  const setting = (config as typeof config | undefined)?.tokenAuth
  return setting === 'open' || ((optional || setting === 'optional') && headers.authorization === undefined)
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
