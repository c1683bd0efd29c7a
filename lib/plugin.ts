// The recipe: resolve the options, build each part and hand it to the next, decorate the app, add the routes.
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, FastifyTypeProvider, RawServerBase, RawServerDefault, RegisterOptions, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { TObject } from 'typebox'
import { createAccessTokens, type Auth, type IssuedAccessToken } from './access-token.ts'
import { boundedStore } from './bounded-store.ts'
import { createCrossOriginGuard } from './cross-origin.ts'
import { TokenAuthError } from './errors.ts'
import { createEmit } from './events.ts'
import { createGuard, refuseOpenAndGuarded, type AuthenticateHook, type AuthorizeHook, type Requirements } from './guard.ts'
import type { PublicJwk } from './keys.ts'
import { resolveOptions, type TokenAuthOptions, type TokenAuthUser } from './options.ts'
import { createRefreshCookie, takeCookie } from './refresh-cookie.ts'
import { createRefreshTokens } from './refresh-token.ts'
import { createRefreshTransport } from './refresh-transport.ts'
import { watchRevocations } from './revoked-sessions.ts'
import { jwksRoute } from './routes/jwks.ts'
import { loginRoute } from './routes/login.ts'
import { logoutRoute } from './routes/logout.ts'
import { refreshRoute } from './routes/refresh.ts'
import { prepareScope } from './routes/route.ts'
import { sessionsRoutes } from './routes/sessions.ts'
import type { DefaultCredentials, TokenResponse } from './schemas.ts'
import { createSessions, type NewSession } from './sessions.ts'
import type { Session } from './stores/store.ts'

/** What the app can do beside the routes: `app.tokenAuth`. */
export interface TokenAuth {
  /**
   * Log a user in who has shown who they are in another way: OAuth callback, passkey, magic link, sign-up. Opens a
   * session, sets the cookie and `Cache-Control: no-store` on `reply` and returns the body to send. The session whose
   * refresh token the request carries ends.
   *
   * @throws TokenAuthError `INVALID_USER`, `INVALID_SCOPE`, `INVALID_CLAIMS`, `TOKEN_TOO_LARGE` for what the host gave; `USER_VERIFIER_FAILED`, `STORE_UNAVAILABLE` if it cannot be done at the moment
   */
  login<User extends TokenAuthUser> (reply: FastifyReply, user: User, session?: NewSession): Promise<TokenResponse>
  /** End the session of the request's refresh token and take the cookie away. */
  logout (reply: FastifyReply): Promise<void>
  /** Open a session where there is no browser to log in, for a test or a job; only its access token is handed out. `expiresIn` is in seconds. It counts as a log-in like any other. @throws TokenAuthError as `login` does */
  issueAccessToken<User extends TokenAuthUser> (user: User, session?: NewSession): Promise<IssuedAccessToken>
  /** All sessions of a user as the store has them, the one used last first; times are milliseconds since the epoch. */
  sessions (userId: string): Promise<Session[]>
  /** End one session; resolves to whether there was one. Its access tokens are refused from then on, in other processes if the store can tell them. */
  revokeSession (id: string): Promise<boolean>
  /** End all sessions of a user, save the one whose id is `except`; resolves to their number. */
  revokeUser (userId: string, options?: { except?: string }): Promise<number>
  /**
   * A hook for routes of the app's own that call `login` or `logout`: `{ onRequest: app.tokenAuth.refuseCrossOrigin }`.
   * Refuses a request that another site's page makes, as the plugin's own routes do. Not for a page that another site
   * links to, such as an OAuth callback, which a `state` protects.
   */
  refuseCrossOrigin: onRequestHookHandler
  /** The public keys that verify the access tokens, as `GET /auth/jwks.json` answers them; empty where only secrets sign. */
  jwks (): { keys: PublicJwk[] }
  /** Who an access token speaks for, where there is no request to guard: WebSocket upgrades, jobs. @throws TokenAuthError `INVALID_ACCESS_TOKEN`, `EXPIRED_ACCESS_TOKEN`, `SESSION_REVOKED` */
  verifyAccessToken (token: string): Auth
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Guards a route: `app.get('/me', { onRequest: app.authenticate }, …)`. */
    authenticate: AuthenticateHook
    /** Returns a guard that demands more: scopes, a recent log-in, a live session. @throws TokenAuthError `INVALID_OPTION` for requirements that it does not know */
    authorize (requirements: Requirements): AuthorizeHook
    tokenAuth: TokenAuth
  }
  interface FastifyRequest {
    /** Who makes the request. Reading it on a route without a guard throws `FST_TOKEN_AUTH_NOT_GUARDED`. */
    readonly auth: Auth
    /** The same, or `null` where no guard has found anybody: for routes with `authorize({ optional: true })`. */
    authOrNull: Auth | null
  }
  interface FastifyContextConfig {
    /**
     * Where the whole app or scope is guarded: `'open'` lets everybody in and asks nobody, `'optional'` also lets guests
     * in, as `authorize({ optional: true })` does. `app.get('/health', { config: { tokenAuth: 'open' } }, …)`
     */
    tokenAuth?: 'open' | 'optional'
  }
  // This overload lets `userVerifier` and `claims` take their types from `credentials` and from each other.
  interface FastifyRegister<T = void, RawServer extends RawServerBase = RawServerDefault, TypeProviderDefault extends FastifyTypeProvider = FastifyTypeProvider, LoggerDefault extends FastifyBaseLogger = FastifyBaseLogger> {
    <User extends TokenAuthUser, Claims extends object, Credentials extends TObject = typeof DefaultCredentials>(plugin: TokenAuthPlugin, options: RegisterOptions & TokenAuthOptions<User, Credentials, Claims>): T
  }
}

declare const brand: unique symbol

/** The type of the plugin itself; only the overload above takes it. */
export interface TokenAuthPlugin { readonly [brand]: true }

async function plugin (app: FastifyInstance, hostOptions: TokenAuthOptions): Promise<void> {
  if (app.hasDecorator('tokenAuth')) throw new TokenAuthError('ALREADY_REGISTERED')
  const options = resolveOptions(hostOptions)
  if (options.refreshToken.transport !== 'body') takeCookie(app, options.cookie, options.keys.map(({ kid }) => kid))
  if (options.ownStore !== undefined) {
    app.log.warn('fastify-token-auth: sessions are kept in memory, lost at restart and not shared between processes; give refreshTokenStore a store')
    app.addHook('onClose', async () => { options.ownStore?.close() })
  }

  const emit = createEmit(app.log, options.onEvent)
  const revoked = watchRevocations(app, options)
  const store = boundedStore(options.hostStore, options.storeTimeout, (sessionId) => { revoked.add(sessionId) })
  const accessTokens = await createAccessTokens(app, options.keys, options.accessToken)
  const refreshTokens = createRefreshTokens(options.keys)
  const transport = createRefreshTransport(options.refreshToken.transport, await createRefreshCookie(app, options.cookie))
  const sessions = createSessions({ options, store, accessTokens, refreshTokens, emit })
  const publicKeys = options.keys.flatMap(({ jwk }) => jwk ?? [])
  const guard = createGuard({ accessTokens, store, revoked, clock: options.clock })
  const refuseCrossOrigin = createCrossOriginGuard(options.allowedOrigins)

  const api: TokenAuth = {
    async login (reply, user, session) {
      const { request } = reply
      const way = transport.chosenBy(request)
      const grant = await sessions.open(user, request, transport.read(request, way), session)
      return transport.answer(reply.header('cache-control', 'no-store'), way, grant)
    },
    async logout (reply) {
      const { request } = reply
      const way = transport.usedBy(request)
      await sessions.close(transport.read(request, way), request)
      transport.clear(reply, way)
    },
    async issueAccessToken (user, session) {
      const { accessToken, expiresIn } = await sessions.open(user, undefined, [], session)
      return { accessToken, expiresIn }
    },
    sessions: sessions.list,
    revokeSession: (id) => sessions.revoke(id),
    revokeUser: (userId, options) => sessions.revokeUser(userId, options),
    refuseCrossOrigin,
    jwks: () => structuredClone({ keys: publicKeys }),
    verifyAccessToken: guard.verify
  }

  app.addHook('onRoute', refuseOpenAndGuarded)
  app.decorateRequest('authOrNull', null)
  app.decorateRequest('auth', { getter: guardedAuth })
  app.decorate('authenticate', guard.authenticate)
  app.decorate('authorize', guard.authorize)
  app.decorate('tokenAuth', api)

  await app.register(async (scope) => {
    prepareScope(scope)
    await scope.register(async (cookieRoutes) => {
      cookieRoutes.addHook('onRequest', refuseCrossOrigin)
      loginRoute(cookieRoutes, options, api.login, emit)
      refreshRoute(cookieRoutes, options, sessions, transport)
      logoutRoute(cookieRoutes, options, api.logout)
    })
    await scope.register(async (guardedRoutes) => {
      guardedRoutes.addHook('onRequest', guard.authenticate)
      sessionsRoutes(guardedRoutes, options, sessions)
    })
  }, { prefix: options.prefix })

  // beside the others: a key set may be cached
  if (publicKeys.length > 0) {
    await app.register(async (scope) => { jwksRoute(scope, options, publicKeys) }, { prefix: options.prefix })
  }
}

function guardedAuth (this: FastifyRequest): Auth {
  if (this.authOrNull !== null) return this.authOrNull
  const { method, url } = this.routeOptions
  throw new TokenAuthError('NOT_GUARDED', { message: `request.auth was read on ${String(method)} ${url}, where no guard has found anybody: add { onRequest: app.authenticate } to the route (and no config.tokenAuth 'open') or, if guests are welcome there, read request.authOrNull` })
}

/**
 * The plugin: `await app.register(tokenAuth, { secret, userVerifier, refreshTokenStore })`. Adds the routes, the guard
 * `app.authenticate`, `request.auth` and `app.tokenAuth` to the scope that it is registered in.
 *
 * @throws TokenAuthError `FST_TOKEN_AUTH_INVALID_OPTION` at start-up for a set-up that cannot work or is not secure
 */
export const tokenAuth = fp(plugin, { fastify: '5.x', name: 'fastify-token-auth' }) as unknown as TokenAuthPlugin

/** An instance with types of its own, see `defineTokenAuth`. */
export interface DefinedTokenAuth<Claims> extends FastifyPluginAsync {
  /** `request.auth`, with the claims that this instance adds. @throws TokenAuthError `FST_TOKEN_AUTH_NOT_GUARDED` also on a route that another instance guards */
  auth (request: FastifyRequest): Auth<Claims>
}

/**
 * Define an instance whose claims take their type from `accessToken.claims`, for an app with several instances:
 * `const staff = defineTokenAuth({ … })`, `await scope.register(staff)`, `staff.auth(request).claims`. Where there is
 * one instance, `register(tokenAuth, options)` and the interface `TokenAuthTypes` do the same.
 */
export function defineTokenAuth<User extends TokenAuthUser, Claims extends object, Credentials extends TObject = typeof DefaultCredentials> (options: TokenAuthOptions<User, Credentials, Claims>): DefinedTokenAuth<Claims> {
  const servers = new Set<TokenAuth>()
  const instance = fp(async (app: FastifyInstance) => {
    await plugin(app, options as unknown as TokenAuthOptions)
    servers.add(app.tokenAuth)
  }, { fastify: '5.x', name: 'fastify-token-auth' })
  return Object.assign(instance, {
    auth (request: FastifyRequest) {
      if (servers.has(request.server.tokenAuth)) return request.auth as unknown as Auth<Claims>
      throw new TokenAuthError('NOT_GUARDED', { message: `${String(request.routeOptions.method)} ${request.routeOptions.url} is not in the scope of this instance of fastify-token-auth` })
    }
  })
}
