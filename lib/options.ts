// TokenAuthOptions: every option with its default, and what is refused at start-up; keys.ts judges the secret, refresh-cookie.ts the cookie.
import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import { Type, type Static, type TObject } from 'typebox'
import { toMilliseconds, type Duration } from './duration.ts'
import { TokenAuthError } from './errors.ts'
import type { EventHandler } from './events.ts'
import { readKeys, type Key, type Secret } from './keys.ts'
import { resolveCookie, type CookieOptions, type CookieSettings } from './refresh-cookie.ts'
import { DefaultCredentials } from './schemas.ts'
import { MemoryStore } from './stores/memory.ts'
import type { RefreshTokenStore, Session, SessionDetails } from './stores/store.ts'
import { DurationSchema, Flag, Func, Name, problemOf, strictly } from './validate.ts'

/** The least that the plugin needs to know of a user. */
export interface TokenAuthUser { id: string }

/** How the host app checks credentials and finds its users. */
export interface UserVerifier<User extends TokenAuthUser, Credentials> {
  /**
   * Check what was sent to login. Resolve to the user, or to `null` for an unknown user, a wrong password and a
   * disabled account alike; take the same time for each. A throw is answered 503, never 401.
   */
  verify (credentials: Credentials, request: FastifyRequest): Promise<User | null> | User | null
  /**
   * Asked at each refresh, so that a user who was deleted or disabled is out within one access token's life, and
   * claims are current. `null` ends the session; a throw is answered 503 and ends nothing.
   */
  findById? (id: string, request: FastifyRequest): Promise<User | null> | User | null
}

/** What becomes of an access token. */
export interface AccessTokenOptions<User extends TokenAuthUser, Claims extends object = Record<string, unknown>> {
  /** How long it lives: at least a second, and no longer than `refreshToken.idleTimeout`. @default '15m' */
  expiresIn?: Duration
  /** The `iss` claim, then required of every token. */
  issuer?: string
  /** The `aud` claim, then required of every token. */
  audience?: string | string[]
  /** More claims, asked for at login and at each refresh (which takes `userVerifier.findById`). Registered claims are refused. */
  claims?: (user: User, session: Session) => Claims | Promise<Claims>
  /** For how long after `exp` a token is still taken; at most a minute. @default 0 */
  clockTolerance?: Duration
}

/** What becomes of a refresh token and with it of a session. */
export interface RefreshTokenOptions {
  /** How long a session lasts at most, counted from login. @default '30d' */
  expiresIn?: Duration
  /** How long it lasts without a refresh. @default '7d', or `expiresIn` if that is shorter */
  idleTimeout?: Duration
  /**
   * How long a request and its answer may be under way, clock differences between servers included. A refresh token
   * does not rotate before three leeways have passed, which must be less than `idleTimeout`. @default '60s', or a quarter of the access token's life if that is shorter
   */
  leeway?: Duration
  /** Spend a refresh token the moment its successor is issued. @default false */
  strict?: boolean
  /** Where the refresh token travels: `'cookie'` for browsers, `'body'` for native apps, `'both'` for either. @default 'cookie' */
  transport?: 'cookie' | 'body' | 'both'
}

/** `false` leaves a route out, a string renames it, an object is merged into its Fastify route options. */
export type RouteSetting = boolean | string | RouteShorthandOptions

/** How often one address may try to log in to one account: `routes: { login: { accountRateLimit: { … } } }`. */
export interface AccountRateLimit {
  /** Attempts in the window, good ones among them. Ten times as many from all addresses together put the account under siege: each address then has one attempt in the window. @default 10 */
  max?: number
  /** The window: milliseconds, or text that @fastify/rate-limit understands. @default '15 minutes' */
  timeWindow?: number | string
  /** The account that an attempt is for. @default the credentials' `username`, or else the first string among them that does not look like a secret */
  keyGenerator?: (request: FastifyRequest) => string
}

/** What `routes.login` takes besides Fastify's route options. `config.rateLimit`, which is @fastify/rate-limit's own, is the limit per address. */
export interface LoginRouteOptions extends RouteShorthandOptions {
  /** `false` for no limit per account. */
  accountRateLimit?: AccountRateLimit | false
}

/** The routes, by name. */
export interface RouteSettings {
  login?: RouteSetting | LoginRouteOptions
  refresh?: RouteSetting
  logout?: RouteSetting
  sessions?: RouteSetting
  jwks?: RouteSetting
}

/** What the host app gives the plugin. */
export interface TokenAuthOptions<User extends TokenAuthUser = TokenAuthUser, Credentials extends TObject = typeof DefaultCredentials, Claims extends object = Record<string, unknown>> {
  /**
   * The key that signs and verifies: a secret of at least 32 bytes, a key pair, or several of which the first signs and
   * all verify. `undefined`, as an unset environment variable has it, is refused at start-up like any other that is none.
   */
  secret: Secret | Array<Secret | undefined> | undefined
  userVerifier: UserVerifier<User, Static<Credentials>>
  /** Where sessions are kept. @default new MemoryStore(), with a warning: its sessions are lost at restart */
  refreshTokenStore?: RefreshTokenStore
  /** How long a call of the store may take before it is answered 503. @default '2s' */
  storeTimeout?: Duration
  /** The path before all routes, inside the scope the plugin is registered in. @default '/auth' */
  prefix?: string
  /** The body of login. @default { username, password } */
  credentials?: Credentials
  /** What a session of this user may be used for, decided at log-in: scopes for `app.authorize({ scope })`. */
  scope?: (user: User) => string[] | Promise<string[]>
  accessToken?: AccessTokenOptions<User, Claims>
  refreshToken?: RefreshTokenOptions
  cookie?: CookieOptions
  /** Other origins whose pages may call the cookie routes, such as `'https://app.example.com'`. @default [] */
  allowedOrigins?: string[]
  routes?: RouteSettings
  /** How many sessions a user may have; one more ends the oldest. @default no limit */
  maxSessionsPerUser?: number
  /** What the session list shows of a session: small JSON. @default the user agent and the ip address */
  describeSession?: (request: FastifyRequest) => SessionDetails
  /** Told of every event, besides the log. What it throws is logged and changes no answer. */
  onEvent?: EventHandler
  /** The time in milliseconds since the epoch, for tests. @default Date.now */
  clock?: () => number
}

/** The options with every default filled in; durations in milliseconds. */
export interface ResolvedOptions {
  keys: Key[]
  // what the host is asked of its users; what it throws is 503, never 401
  userVerifier: Required<UserVerifier<TokenAuthUser, unknown>>
  scopeOf: (user: TokenAuthUser) => Promise<string[]>
  /** As the host gave it; all but `subscribe` goes through `boundedStore`. */
  hostStore: RefreshTokenStore
  /** The default store, which is the plugin's own to close. */
  ownStore: MemoryStore | undefined
  storeTimeout: number
  prefix: string
  credentials: TObject
  accessToken: Pick<AccessTokenOptions<TokenAuthUser>, 'issuer' | 'audience'> & { claims: ((user: TokenAuthUser, session: Session) => Promise<object>) | undefined, expiresIn: number, clockTolerance: number }
  refreshToken: { expiresIn: number, idleTimeout: number, leeway: number, strict: boolean, transport: 'cookie' | 'body' | 'both' }
  cookie: CookieSettings
  allowedOrigins: ReadonlySet<string>
  routes: Required<RouteSettings>
  maxSessionsPerUser: number
  describeSession: (request: FastifyRequest) => SessionDetails
  onEvent: EventHandler | undefined
  clock: () => number
}

const Tolerance = Type.Refine(
  Type.Union([Type.String(), Type.Number()], { description: "a duration of at most '60s', or 0" }),
  (value) => value === 0 || (toMilliseconds(value) ?? Infinity) <= 60_000)
const Origin = Type.Refine(
  Type.String({ description: "an origin, such as 'https://app.example.com': scheme, host and port in lower case, no path, no wildcard" }),
  (value) => URL.canParse(value) && new URL(value).origin === value)
const Route = Type.Union([Type.Boolean(), Type.String({ pattern: '^/' }), Type.Object({})], { description: "false, a path that starts with '/', or an object of Fastify route options" })

const Options = Type.Object({
  secret: Type.Optional(Type.Unknown()), // readKeys judges it
  userVerifier: Type.Object({
    verify: Func('(credentials, request) that returns a user or null'),
    findById: Type.Optional(Func('(id, request) that returns a user or null'))
  }, { description: 'an object with a verify(credentials, request) method' }),
  refreshTokenStore: Type.Optional(Type.Object(
    Object.fromEntries(['create', 'advance', 'find', 'delete', 'findByUser', 'deleteByUser'].map((method) => [method, Func('of the RefreshTokenStore contract')])),
    { description: 'a RefreshTokenStore: an object with the methods create, advance, find, delete, findByUser and deleteByUser' })),
  storeTimeout: Type.Optional(DurationSchema),
  prefix: Type.Optional(Type.String({ pattern: '^(/[^/]+)*$', description: "'' or a path that starts with '/' and does not end with one" })),
  credentials: Type.Optional(Type.Refine(
    Type.Unsafe<TObject>({ description: 'a TypeBox object: Type.Object({ … })' }), (value) => Type.IsObject(value))),
  scope: Type.Optional(Func('(user) that returns an array of scopes')),
  accessToken: Type.Optional(Type.Object({
    expiresIn: Type.Optional(DurationSchema),
    issuer: Type.Optional(Name),
    audience: Type.Optional(Type.Union([Name, Type.Array(Name, { minItems: 1 })], { description: 'a string or an array of strings, none empty' })),
    claims: Type.Optional(Func('(user, session) that returns claims')),
    clockTolerance: Type.Optional(Tolerance)
  }, strictly)),
  refreshToken: Type.Optional(Type.Object({
    expiresIn: Type.Optional(DurationSchema),
    idleTimeout: Type.Optional(DurationSchema),
    leeway: Type.Optional(DurationSchema),
    strict: Type.Optional(Flag),
    transport: Type.Optional(Type.Union([Type.Literal('cookie'), Type.Literal('body'), Type.Literal('both')], { description: "'cookie', 'body' or 'both'" }))
  }, strictly)),
  cookie: Type.Optional(Type.Object({
    name: Type.Optional(Type.String({ pattern: "^[\\w!#$%&'*+.^`|~-]+$", description: 'a cookie name: letters, digits, - and _' })),
    path: Type.Optional(Type.String({ pattern: '^/[!-:<-~]*$', description: "a path that starts with '/', without ';' and blanks" })),
    domain: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$', description: "a domain, such as 'example.com'" })),
    sameSite: Type.Optional(Type.Union([Type.Literal('strict'), Type.Literal('lax'), Type.Literal('none')], { description: "'strict', 'lax' or 'none'" })),
    secure: Type.Optional(Flag),
    partitioned: Type.Optional(Flag)
  }, strictly)),
  allowedOrigins: Type.Optional(Type.Array(Origin, { description: 'an array of origins' })),
  routes: Type.Optional(Type.Object({
    login: Type.Optional(Route),
    refresh: Type.Optional(Route),
    logout: Type.Optional(Route),
    sessions: Type.Optional(Route),
    jwks: Type.Optional(Route)
  }, strictly)),
  maxSessionsPerUser: Type.Optional(Type.Integer({ minimum: 1, description: 'a whole number above zero' })),
  describeSession: Type.Optional(Func('(request) that returns small JSON')),
  onEvent: Type.Optional(Func('(event, request)')),
  clock: Type.Optional(Func('that returns the time in milliseconds'))
}, strictly)

/**
 * Validate what the host wrote and fill in the defaults. The caller's object is left as it is.
 *
 * @throws TokenAuthError `FST_TOKEN_AUTH_INVALID_OPTION`, naming the option and the cure
 */
export function resolveOptions (options: TokenAuthOptions): ResolvedOptions {
  const problem = problemOf(options, Options, 'options')
  if (problem !== undefined) throw refusal(problem)

  const keys = readKeys(options.secret)
  const { userVerifier, accessToken = {}, refreshToken = {} } = options
  const accessLife = milliseconds(accessToken.expiresIn ?? '15m')
  const sessionLife = milliseconds(refreshToken.expiresIn ?? '30d')
  const idleTimeout = refreshToken.idleTimeout === undefined ? Math.min(milliseconds('7d'), sessionLife) : milliseconds(refreshToken.idleTimeout)
  const leeway = refreshToken.leeway === undefined ? Math.min(milliseconds('60s'), accessLife / 4) : milliseconds(refreshToken.leeway)
  const clock = options.clock ?? Date.now
  const ownStore = options.refreshTokenStore === undefined ? new MemoryStore({ clock }) : undefined

  if (accessLife < 1000) throw refusal('accessToken.expiresIn must be at least one second: a token counts in seconds')
  if (idleTimeout > sessionLife) throw refusal('refreshToken.idleTimeout must not be longer than refreshToken.expiresIn: shorten the one or lengthen the other')
  if (accessLife > idleTimeout) throw refusal('accessToken.expiresIn must not be longer than refreshToken.idleTimeout: a session would end before its first refresh; a number is seconds')
  if (3 * leeway >= idleTimeout) throw refusal('refreshToken.leeway must be shorter than a third of refreshToken.idleTimeout: a refresh token rotates only after three leeways')
  if (accessToken.claims !== undefined && userVerifier.findById === undefined) {
    throw refusal('accessToken.claims needs userVerifier.findById: claims are rebuilt from the user at each refresh')
  }

  return {
    keys,
    userVerifier: {
      verify: asked((credentials: never, request) => userVerifier.verify(credentials, request)),
      findById: asked((id, request) => userVerifier.findById === undefined ? { id } : userVerifier.findById(id, request))
    },
    scopeOf: asked(options.scope ?? (() => [])),
    hostStore: options.refreshTokenStore ?? ownStore as MemoryStore,
    ownStore,
    storeTimeout: milliseconds(options.storeTimeout ?? '2s'),
    prefix: options.prefix ?? '/auth',
    credentials: options.credentials ?? DefaultCredentials,
    accessToken: {
      ...accessToken,
      claims: accessToken.claims && asked(accessToken.claims),
      expiresIn: accessLife,
      clockTolerance: accessToken.clockTolerance ? milliseconds(accessToken.clockTolerance) : 0
    },
    refreshToken: { strict: false, transport: 'cookie', ...refreshToken, expiresIn: sessionLife, idleTimeout, leeway },
    cookie: resolveCookie(options.cookie ?? {}),
    allowedOrigins: new Set(options.allowedOrigins),
    routes: { login: true, refresh: true, logout: true, sessions: true, jwks: true, ...options.routes },
    maxSessionsPerUser: options.maxSessionsPerUser ?? Infinity,
    describeSession: options.describeSession ?? ((request) => ({ userAgent: request.headers['user-agent']?.slice(0, 512) ?? null, ip: request.ip })),
    onEvent: options.onEvent,
    clock
  }
}

/** @returns the same question, which rejects with `FST_TOKEN_AUTH_USER_VERIFIER_FAILED` whatever the host throws */
function asked<Args extends unknown[], Answer> (question: (...args: Args) => Answer | Promise<Answer>): (...args: Args) => Promise<Answer> {
  return async (...args) => {
    try {
      return await question(...args)
    } catch (cause) {
      throw new TokenAuthError('USER_VERIFIER_FAILED', { cause })
    }
  }
}

function refusal (message: string): TokenAuthError {
  return new TokenAuthError('INVALID_OPTION', { message })
}

/** Milliseconds of a duration that the schema or this file vouches for. */
function milliseconds (duration: Duration): number {
  return toMilliseconds(duration) as number
}
