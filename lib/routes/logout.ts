// POST /auth/logout: ends the session of the refresh token, whatever has become of the access token.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { OPEN } from '../guard.ts'
import type { ResolvedOptions } from '../options.ts'
import { answers, refreshBody } from '../schemas.ts'
import { addRoute, refreshSecurity } from './route.ts'

/** @param logout `app.tokenAuth.logout` */
export function logoutRoute (app: FastifyInstance, options: ResolvedOptions, logout: (reply: FastifyReply) => Promise<void>): void {
  addRoute(app, options.routes.logout, {
    method: 'POST',
    url: '/logout',
    config: OPEN,
    schema: {
      summary: 'Log out',
      ...refreshBody(options.refreshToken.transport),
      response: answers({ 204: Type.Null({ description: 'Logged out' }) }, {
        400: 'The body is not as it should be',
        403: ['A cross-origin request', 'FST_TOKEN_AUTH_CROSS_ORIGIN'],
        503: ['The session could not be ended; try again', 'FST_TOKEN_AUTH_STORE_UNAVAILABLE']
      })
    },
    async handler (request, reply) {
      await logout(reply)
      return reply.code(204).send()
    }
  }, refreshSecurity(options))
}
