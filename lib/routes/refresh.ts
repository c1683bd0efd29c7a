// POST /auth/refresh: a refresh token in, an access token and the refresh token's successor out.
import type { FastifyInstance } from 'fastify'
import { TokenAuthError } from '../errors.ts'
import { OPEN } from '../guard.ts'
import type { ResolvedOptions } from '../options.ts'
import type { RefreshTransport } from '../refresh-transport.ts'
import { answers, refreshBody, tokenResponse } from '../schemas.ts'
import type { Sessions } from '../sessions.ts'
import { addRoute, refreshSecurity } from './route.ts'

export function refreshRoute (app: FastifyInstance, options: ResolvedOptions, sessions: Sessions, transport: RefreshTransport): void {
  addRoute(app, options.routes.refresh, {
    method: 'POST',
    url: '/refresh',
    config: OPEN,
    schema: {
      summary: 'Get a new access token',
      ...refreshBody(options.refreshToken.transport),
      response: answers({ 200: tokenResponse(options.refreshToken.transport) }, {
        400: 'The body is not as it should be',
        401: ['No refresh token, or one that is no longer good: log in again', 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN', 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN'],
        403: ['A cross-origin request', 'FST_TOKEN_AUTH_CROSS_ORIGIN'],
        503: ['Users or sessions cannot be looked up at the moment; the refresh token is still good', 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED', 'FST_TOKEN_AUTH_STORE_UNAVAILABLE']
      })
    },
    async handler (request, reply) {
      const way = transport.usedBy(request)
      const tokens = transport.read(request, way)
      if (tokens.length === 0) throw new TokenAuthError('MISSING_REFRESH_TOKEN')
      try {
        return transport.answer(reply, way, await sessions.refresh(tokens, request))
      } catch (err) {
        // only a token that will never be good again is taken away; an outage leaves it alone
        if ((err as TokenAuthError).code === 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN') transport.clear(reply, way)
        throw err
      }
    }
  }, refreshSecurity(options))
}
