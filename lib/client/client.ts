// createAuthClient: log in, log out, and a fetch whose caller never notices a refresh.
import type { AccessTokenClaims } from './claims.ts'
import { createGuardedFetch, type GuardedFetch } from './guarded-fetch.ts'
import { createAuthRoutes, type Grant, type TokenStorage } from './routes.ts'
import { createSession, type AuthListener, type AuthState, type Change } from './session.ts'
import { joinTabs } from './tabs.ts'

/** How a client reaches its server. */
export interface AuthClientOptions {
  /** Where the server is, such as `'https://api.example.com'`; outside browsers it is required. @default '' the origin of the page */
  baseUrl?: string
  /** The path before the auth routes, as in the plugin's options. @default '/auth' */
  prefix?: string
  /** Sends every request, those of the auth routes too. @default globalThis.fetch */
  fetch?: (request: Request) => Promise<Response>
  /** `'body'` for native apps, which keep the refresh token themselves; the server has to allow it. @default 'cookie' */
  transport?: 'cookie' | 'body'
  /** Where the refresh token is kept with `transport: 'body'`. @default in memory: gone when the app ends */
  storage?: TokenStorage
  /** Refresh before a request is sent when the access token has no more than these seconds left, but not in the first half of its life. @default none: wait for the 401 */
  refreshEarly?: number
  /** Seconds that an auth route may take to answer. @default 10 */
  timeout?: number
  /** Seconds to wait for another tab's refresh before making one beside it. @default 5 */
  lockTimeout?: number
}

/** What login sends unless the server was given a `credentials` schema of its own. */
export interface PasswordCredentials { username: string, password: string }

/** A client of one server. Its methods need no `this`. */
export interface AuthClient<Claims extends object, Credentials extends object> {
  /** Whether somebody is signed in, as far as this client knows. */
  readonly state: AuthState
  /** What the access token says of the person, `null` while nobody is signed in; to show it, never to decide by it. */
  readonly claims: Readonly<AccessTokenClaims & Claims> | null
  /**
   * Log in; whoever was signed in before is no longer. `path` names another route that answers as login does, such as one for passkeys or sign-up.
   *
   * @throws AuthError `FST_TOKEN_AUTH_INVALID_CREDENTIALS` and others; who was signed in still is
   */
  login (credentials: Credentials, options?: { path?: string }): Promise<void>
  /**
   * Log out, in all tabs.
   *
   * @throws AuthError if the server could not do it: the person is still signed in
   */
  logout (): Promise<void>
  /**
   * Find out whether somebody is signed in, by a refresh: on page load, or to pick up new claims.
   *
   * @throws AuthError if the server could not say; the state stays as it was
   */
  restore (): Promise<AuthState>
  /**
   * `fetch` with the access token, if the request goes to the origin of `baseUrl` and has no `Authorization` of its own. On a 401 that asks for
   * a token it refreshes and repeats the request, once. A path is taken from `baseUrl` on.
   *
   * @throws AuthError if no answer came, the refresh failed, or (`USER_CHANGED`) the person is no longer the one who made the request; what the caller's signal aborts with
   */
  readonly fetch: GuardedFetch
  /**
   * An access token with life left, for what `fetch` cannot send, such as a WebSocket; `null` if nobody is signed in.
   *
   * @throws AuthError if a refresh was needed and failed
   */
  token (): Promise<string | null>
  /** Call the listener after every change of state, token or claims, until the returned function is called. */
  subscribe (listener: AuthListener): () => void
}

/**
 * Make a client. One per page and server; nothing is sent before a method is called.
 *
 * @typeParam Claims what the server's `accessToken.claims` adds
 * @typeParam Credentials the body of login
 */
export function createAuthClient<Claims extends object = Record<never, never>, Credentials extends object = PasswordCredentials> (options: AuthClientOptions = {}): AuthClient<Claims, Credentials> {
  const { prefix = '/auth', fetch: send = (request: Request) => fetch(request), transport = 'cookie', refreshEarly = -Infinity, timeout = 10, lockTimeout = 5 } = options
  const baseUrl = (options.baseUrl ?? '').replace(/\/$/, '')
  const storage = transport === 'body' ? options.storage ?? memoryStorage() : undefined
  const routes = createAuthRoutes({ baseUrl, prefix, send, storage, timeout: timeout * 1000 })
  const session = createSession()
  const tabs = joinTabs<Change>({
    name: `fastify-token-auth:${baseUrl}${prefix}`,
    alone: storage !== undefined,
    lockTimeout: lockTimeout * 1000,
    onMessage (change) {
      if (session.hear(change)) dropRefresh()
    },
    onReturn () {
      session.change('page-restored')
      dropRefresh()
      refresh().catch(() => {})
    }
  })
  let refreshing: Promise<void> | undefined
  let overtaken = new AbortController()

  /** One refresh at a time, however many wait for it. */
  function refresh (): Promise<void> {
    refreshing ??= exchange().finally(() => { refreshing = undefined })
    return refreshing
  }

  async function exchange (): Promise<void> {
    const { version } = session
    const { signal } = overtaken
    // what another tab, a log-in or a log-out brought in the meantime counts, and a late answer does not
    const isLate = () => signal.aborted || session.version !== version
    try {
      await tabs.takeTurn(async () => {
        if (isLate()) return
        const grant = await routes.refresh(signal)
        if (!isLate()) publish(grant ? 'refresh' : 'session-ended', grant)
      })
    } catch (error) {
      if (!isLate()) throw error
    }
    // dropped for something that then came to nothing, such as a log-in that failed
    if (signal.aborted && (session.version === version || session.state === 'unknown')) await exchange()
  }

  /** Stop a refresh that is under way: neither its token nor its cookie must come after what is newer. */
  function dropRefresh (): void {
    overtaken.abort()
    overtaken = new AbortController()
  }

  /** Take a turn without waiting for a refresh that is under way: it may hang. */
  function overtake (job: () => Promise<void>): Promise<void> {
    dropRefresh()
    return tabs.takeTurn(job)
  }

  function publish (type: Change['type'], grant?: Grant): void {
    tabs.tell(session.change(type, grant))
  }

  return {
    get state () { return session.state },
    get claims () { return (session.grant?.claims ?? null) as AccessTokenClaims & Claims | null },

    login: (credentials, { path } = {}) => overtake(async () => publish('login', await routes.login(credentials, path))),

    logout: () => overtake(async () => {
      await routes.logout()
      publish('logout')
    }),

    async restore () {
      await refresh()
      return session.state
    },

    fetch: createGuardedFetch({ baseUrl, prefix, send, session, refresh, refreshEarly }),

    async token () {
      if (session.secondsLeft <= 0 && session.state !== 'signed-out') await refresh()
      return session.grant?.accessToken ?? null
    },

    subscribe: session.subscribe
  }
}

function memoryStorage (): TokenStorage {
  let kept: string | null = null
  return {
    get: () => kept,
    set (refreshToken) { kept = refreshToken }
  }
}
