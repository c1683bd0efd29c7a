// GET and DELETE /auth/sessions: the devices on which this user is logged in, and logging them out.
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { TokenAuthError } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import { answers, securitySchemes, SessionInfo, type Failure } from '../schemas.ts'
import type { Sessions } from '../sessions.ts'
import { addRoute } from './route.ts'

const FAILURES: Record<number, Failure> = {
  401: ['No access token, or one that is not valid', 'FST_TOKEN_AUTH_MISSING_ACCESS_TOKEN', 'FST_TOKEN_AUTH_INVALID_ACCESS_TOKEN', 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN', 'FST_TOKEN_AUTH_SESSION_REVOKED'],
  503: ['Sessions cannot be looked up at the moment', 'FST_TOKEN_AUTH_STORE_UNAVAILABLE']
}

/** All of them need a guard. */
export function sessionsRoutes (app: FastifyInstance, { routes, refreshToken: { idleTimeout } }: ResolvedOptions, sessions: Sessions): void {
  // one setting for three routes: a new name is that of the collection
  const [url, setting] = typeof routes.sessions === 'string' ? [routes.sessions, true] : ['/sessions', routes.sessions]

  addRoute(app, setting, {
    method: 'GET',
    url,
    schema: {
      summary: 'List the sessions of this user',
      response: answers({ 200: Type.Array(SessionInfo, { description: 'The sessions, the one used last first' }) }, FAILURES)
    },
    async handler ({ auth }) {
      const all = await sessions.list(auth.userId)
      return all.map(({ id, createdAt, rotatedAt, expiresAt, details }) => ({
        id,
        current: id === auth.sessionId,
        createdAt: new Date(createdAt).toISOString(),
        lastUsedAt: new Date(rotatedAt).toISOString(),
        // the row outlives the token by an idle timeout, for the retry of a lost answer
        expiresAt: new Date(Math.min(expiresAt, rotatedAt + idleTimeout)).toISOString(),
        details
      }))
    }
  }, [securitySchemes])

  addRoute(app, setting, {
    method: 'DELETE',
    url: `${url}/:id`,
    schema: {
      summary: 'Log one session of this user out',
      params: Type.Object({ id: Type.String() }),
      response: answers({ 204: Type.Null({ description: 'Logged out' }) }, { ...FAILURES, 404: ['This user has no such session', 'FST_TOKEN_AUTH_SESSION_NOT_FOUND'] })
    },
    async handler (request, reply) {
      const { id } = request.params as { id: string }
      // asked by user, so that another user's session is as good as none
      const own = (await sessions.list(request.auth.userId)).some((session) => session.id === id)
      if (!own || !await sessions.revoke(id, request)) throw new TokenAuthError('SESSION_NOT_FOUND')
      return reply.code(204).send()
    }
  }, [securitySchemes])

  addRoute(app, setting, {
    method: 'DELETE',
    url,
    schema: {
      summary: 'Log all sessions of this user out',
      querystring: Type.Object({ others: Type.Optional(Type.Boolean({ description: 'Keep the session that asks' })) }),
      response: answers({ 204: Type.Null({ description: 'Logged out' }) }, { ...FAILURES, 400: 'The query is not as it should be' })
    },
    async handler (request, reply) {
      const { others } = request.query as { others?: boolean }
      await sessions.revokeUser(request.auth.userId, others === true ? { except: request.auth.sessionId } : {}, request)
      return reply.code(204).send()
    }
  }, [securitySchemes])
}
