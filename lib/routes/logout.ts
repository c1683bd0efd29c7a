// POST /auth/logout: ends the session of the refresh token, whatever has become of the access token.
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { ResolvedOptions } from '../options.ts'
import type { RefreshTransport } from '../refresh-transport.ts'
import { answers, RefreshBody } from '../schemas.ts'
import type { Sessions } from '../sessions.ts'
import { addRoute } from './route.ts'

export function logoutRoute (app: FastifyInstance, { routes }: ResolvedOptions, sessions: Sessions, transport: RefreshTransport): void {
  addRoute(app, routes.logout, {
    method: 'POST',
    url: '/logout',
    schema: {
      summary: 'Log out',
      body: RefreshBody,
      response: answers({ 204: Type.Null() }, {
        403: 'A cross-origin request',
        503: 'The session could not be ended; try again'
      })
    },
    async handler (request, reply) {
      const way = transport.usedBy(request)
      await sessions.close(transport.read(request, way), request)
      transport.clear(reply, way)
      return reply.code(204).send()
    }
  })
}
