// fetch with the access token: on a 401 that asks for one, refresh and repeat, once.
import { orAbort } from './abort.ts'
import { AuthError } from './errors.ts'
import { deliver } from './routes.ts'
import type { Session } from './session.ts'

/** As `fetch`. */
export type GuardedFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

interface GuardedFetchOptions {
  baseUrl: string
  prefix: string
  send: (request: Request) => Promise<Response>
  session: Session
  refresh: () => Promise<void>
  /** Seconds. */
  refreshEarly: number
}

export function createGuardedFetch ({ baseUrl, prefix, send, session, refresh, refreshEarly }: GuardedFetchOptions): GuardedFetch {
  const userId = () => session.grant?.claims.sub

  /** Whether to refresh before the token expires; a token that lives shorter than that is used for half its life. */
  function isDue (): boolean {
    return session.grant !== undefined && session.secondsLeft <= Math.min(refreshEarly, session.grant.expiresIn / 2)
  }

  return async (input, init) => {
    // a path is one of the server's; anything else is as in `fetch`
    const request = new Request(typeof input === 'string' && /^\/(?!\/)/.test(input) ? baseUrl + input : input, init)
    const isOurs = originOf(request) === originOf(new Request(baseUrl + prefix))
    if (!isOurs || request.headers.has('authorization')) return deliver(send, request)

    // taken while the body is whole: a stream is teed
    const spare = request.clone()
    let person = userId()

    async function attempt (request: Request): Promise<Response> {
      person ??= userId()
      if (session.grant) {
        if (person !== userId()) throw userChanged()
        request.headers.set('authorization', `Bearer ${session.grant.accessToken}`)
      }
      const response = await deliver(send, request)
      // an answer for one person is not handed to a page that is another's by now
      if (!asksForToken(response) && person !== undefined && person !== userId()) throw userChanged()
      return response
    }

    try {
      // if it fails, the old token may still do
      if (isDue()) await orAbort(refresh(), request.signal).catch(() => {})
      const { grant } = session
      const response = await attempt(request)
      if (!asksForToken(response) || session.state === 'signed-out') return response
      // while the answer was under way, a new token may have come
      if (session.grant === grant) await orAbort(refresh(), request.signal)
      return session.grant ? await attempt(spare) : response
    } finally {
      // a stream that was teed ends only when both of its branches do
      if (!spare.bodyUsed) spare.body?.cancel().catch(() => {})
    }
  }
}

/** Scheme, host and port; by a pattern, because React Native's URL has no `origin`. */
function originOf ({ url }: Request): string | undefined {
  return /^\w+:\/\/[^/?#]+/.exec(url)?.[0]
}

/** Whether a new access token would help (RFC 6750 section 3): it is no cure for too little scope or too old a log-in. */
function asksForToken ({ status, headers }: Response): boolean {
  const challenge = headers.get('www-authenticate') ?? ''
  return status === 401 && /(^|,)\s*bearer\b/i.test(challenge) && !/error="?insufficient_/i.test(challenge)
}

function userChanged (): AuthError {
  return new AuthError('USER_CHANGED', 'The person who made this request is no longer signed in')
}
