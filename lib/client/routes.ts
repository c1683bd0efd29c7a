// The auth routes as functions: each resolves to what the server granted, or rejects with an AuthError.
import { orAbort } from './abort.ts'
import { readClaims, type AccessTokenClaims } from './claims.ts'
import { AuthError } from './errors.ts'

/** Where a native app keeps its refresh token, such as the keychain; called for one log-in, refresh or log-out at a time. */
export interface TokenStorage {
  /** The token that was set last, if there is any. */
  get (): Promise<string | null | undefined> | string | null | undefined
  /** Keep this token instead of the former; `null` forgets it. */
  set (refreshToken: string | null): Promise<void> | void
}

/** An access token and what is known of it. */
export interface Grant {
  accessToken: string
  /** Seconds from its receipt. */
  expiresIn: number
  claims: AccessTokenClaims
}

export interface AuthRoutes {
  login (credentials: object, path?: string): Promise<Grant>
  /** Resolves to `undefined` where the server says that nobody is signed in. */
  refresh (signal: AbortSignal): Promise<Grant | undefined>
  logout (): Promise<void>
}

interface RoutesOptions {
  baseUrl: string
  prefix: string
  send: (request: Request) => Promise<Response>
  /** None: the browser keeps the refresh token in a cookie. */
  storage: TokenStorage | undefined
  /** Milliseconds. */
  timeout: number
}

export function createAuthRoutes ({ baseUrl, prefix, send, storage, timeout }: RoutesOptions): AuthRoutes {
  // until then, on the clock of performance.now(), the server has asked not to be asked for a refresh
  let pausedUntil = 0
  let pauseCause: AuthError

  /** POST and resolve to the JSON of a successful answer, within the time allowed. */
  async function post (path: string, body?: object, signal?: AbortSignal): Promise<unknown> {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(new AuthError('NO_ANSWER', 'The server did not answer in time')), timeout)
    const drop = () => stop.abort()
    signal?.addEventListener('abort', drop)
    try {
      const request = new Request(baseUrl + path, {
        method: 'POST',
        // the cookie goes to a server of another origin, too; a native app has none
        credentials: storage ? 'omit' : 'include',
        headers: { ...(body && { 'content-type': 'application/json' }), ...(storage && { 'token-transport': 'body' }) },
        body: body ? JSON.stringify(body) : null,
        signal: stop.signal
      })
      return await orAbort(answerTo(request), stop.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', drop)
    }
  }

  async function answerTo (request: Request): Promise<unknown> {
    const { response, text } = await deliver(async (request) => {
      const response = await send(request)
      return { response, text: await response.text() }
    }, request)
    const answer = parse(text)
    if (response.ok) return answer
    const { status, headers } = response
    throw new AuthError(answer?.code ?? 'UNEXPECTED_ANSWER', answer?.message ?? `The server answered ${status}`, {
      status,
      retryAfter: Number(headers.get('retry-after')) || undefined
    })
  }

  /** The native app's refresh token as a body; the browser sends its cookie by itself. */
  async function refreshToken (): Promise<object | undefined> {
    return storage && { refreshToken: await storage.get() ?? undefined }
  }

  async function keep (answer: unknown, isLogin?: boolean): Promise<Grant> {
    const { refreshToken, ...grant } = readTokenResponse(answer)
    // a refresh is not always answered another one
    if (refreshToken) await storage?.set(refreshToken)
    else if (storage && isLogin) throw new AuthError('UNEXPECTED_ANSWER', 'No refresh token came: the server needs transport "body" or "both"', { status: 200 })
    return grant
  }

  return {
    async login (credentials, path = `${prefix}/login`) {
      return keep(await post(path, credentials), true)
    },

    async refresh (signal) {
      const left = pausedUntil - performance.now()
      if (left > 0) throw new AuthError(pauseCause.code, pauseCause.message, { status: pauseCause.status, retryAfter: Math.ceil(left / 1000) })
      try {
        return await keep(await post(`${prefix}/refresh`, await refreshToken(), signal))
      } catch (error) {
        // what a storage throws has neither
        const { status, retryAfter = 0 } = error as AuthError
        if (status !== 401) {
          pauseCause = error as AuthError
          pausedUntil = performance.now() + retryAfter * 1000
          throw error
        }
        await storage?.set(null)
        return undefined
      }
    },

    async logout () {
      await post(`${prefix}/logout`, await refreshToken())
      await storage?.set(null)
    }
  }
}

/** Send, and turn a failure into an AuthError, unless the sender gave up. */
export async function deliver<Answer> (send: (request: Request) => Promise<Answer>, request: Request): Promise<Answer> {
  try {
    return await send(request)
  } catch (cause) {
    if (request.signal.aborted) throw cause
    throw new AuthError('NO_ANSWER', 'The server could not be reached', { cause })
  }
}

/** The JSON of an answer; nothing where something in between answered instead. */
function parse (text: string): { code?: string, message?: string } | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function readTokenResponse (answer: unknown): Grant & { refreshToken?: string } {
  const { accessToken, expiresIn, refreshToken } = (answer ?? {}) as Grant & { refreshToken?: string }
  try {
    const claims = readClaims(accessToken)
    if (typeof claims.sub === 'string' && expiresIn >= 0) return { accessToken, expiresIn, claims, ...(refreshToken && { refreshToken }) }
  } catch {}
  throw new AuthError('UNEXPECTED_ANSWER', 'The server answered something that is not a token', { status: 200 })
}
