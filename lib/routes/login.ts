// POST /auth/login: credentials in, an access token and a refresh token out.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { TokenAuthError } from '../errors.ts'
import type { Emit } from '../events.ts'
import { OPEN } from '../guard.ts'
import type { ResolvedOptions, TokenAuthUser } from '../options.ts'
import { createLoginLimits } from '../rate-limit.ts'
import { answers, LoginHeaders, tokenResponse, type TokenResponse } from '../schemas.ts'
import { addRoute } from './route.ts'

/** @param login `app.tokenAuth.login` */
export function loginRoute (app: FastifyInstance, { userVerifier, credentials, refreshToken, routes }: ResolvedOptions, login: (reply: FastifyReply, user: TokenAuthUser) => Promise<TokenResponse>, emit: Emit): void {
  const limits = createLoginLimits(app, routes.login, credentials)

  addRoute(app, routes.login, {
    method: 'POST',
    url: '/login',
    config: { ...OPEN, ...limits.config },
    schema: {
      summary: 'Log in',
      ...(refreshToken.transport === 'both' && { headers: LoginHeaders }),
      body: credentials,
      response: answers({ 200: tokenResponse(refreshToken.transport) }, {
        400: 'The body is not as it should be',
        401: ['Invalid credentials', 'FST_TOKEN_AUTH_INVALID_CREDENTIALS'],
        403: ['A cross-origin request', 'FST_TOKEN_AUTH_CROSS_ORIGIN'],
        415: 'The body is not JSON',
        429: ['Too many attempts', 'FST_TOKEN_AUTH_TOO_MANY_ATTEMPTS'],
        503: ['Users or sessions cannot be looked up at the moment', 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED', 'FST_TOKEN_AUTH_STORE_UNAVAILABLE']
      })
    },
    async handler (request, reply) {
      await limits.count(request, reply)
      const user = await userVerifier.verify(request.body, request)
      if (user === null) {
        emit({ type: 'login-failed' }, request)
        throw new TokenAuthError('INVALID_CREDENTIALS')
      }
      return await login(reply, user)
    }
  })
}
