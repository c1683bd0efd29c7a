// GET and DELETE /auth/sessions: the devices on which this user is logged in, and logging them out.
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { TokenAuthError } from '../errors.ts'
import type { Guard } from '../guard.ts'
import type { ResolvedOptions } from '../options.ts'
import { answers, SessionInfo } from '../schemas.ts'
import type { Sessions } from '../sessions.ts'
import { addRoute } from './route.ts'

const FAILURES = {
  401: 'No access token, or one that is not valid',
  503: 'Sessions cannot be looked up at the moment'
}

export function sessionsRoutes (app: FastifyInstance, { routes }: ResolvedOptions, sessions: Sessions, guard: Guard): void {
  // one setting for three routes: a new name is that of the collection
  const [url, setting] = typeof routes.sessions === 'string' ? [routes.sessions, true] : ['/sessions', routes.sessions]

  app.addHook('onRequest', guard.authenticate)

  addRoute(app, setting, {
    method: 'GET',
    url,
    schema: { summary: 'List the sessions of this user', response: answers({ 200: Type.Array(SessionInfo) }, FAILURES) },
    async handler ({ auth }) {
      const all = await sessions.list(auth.userId)
      return all.map(({ id, createdAt, rotatedAt, expiresAt, details }) => ({
        id,
        current: id === auth.sessionId,
        createdAt: new Date(createdAt).toISOString(),
        lastUsedAt: new Date(rotatedAt).toISOString(),
        expiresAt: new Date(expiresAt).toISOString(),
        details
      }))
    }
  })

  addRoute(app, setting, {
    method: 'DELETE',
    url: `${url}/:id`,
    schema: {
      summary: 'Log one session of this user out',
      params: Type.Object({ id: Type.String() }),
      response: answers({ 204: Type.Null() }, { ...FAILURES, 404: 'This user has no such session' })
    },
    async handler (request, reply) {
      const { id } = request.params as { id: string }
      // asked by user, so that another user's session is as good as none
      const own = (await sessions.list(request.auth.userId)).some((session) => session.id === id)
      if (!own || !await sessions.revoke(id, request)) throw new TokenAuthError('SESSION_NOT_FOUND')
      return reply.code(204).send()
    }
  })

  addRoute(app, setting, {
    method: 'DELETE',
    url,
    schema: {
      summary: 'Log all sessions of this user out',
      querystring: Type.Object({ others: Type.Optional(Type.Boolean({ description: 'Keep the session that asks' })) }),
      response: answers({ 204: Type.Null() }, FAILURES)
    },
    async handler (request, reply) {
      const { others } = request.query as { others?: boolean }
      await sessions.revokeUser(request.auth.userId, others === true ? { except: request.auth.sessionId } : {}, request)
      return reply.code(204).send()
    }
  })
}
