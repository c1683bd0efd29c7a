// How a refresh token travels: in the cookie for browsers, in the body for native apps; an answer goes the way the request came.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ResolvedOptions } from './options.ts'
import type { RefreshCookie } from './refresh-cookie.ts'
import type { TokenResponse } from './schemas.ts'
import type { Grant } from './sessions.ts'

/** How a refresh token travels. */
export type Way = 'cookie' | 'body'

/** Finds the refresh tokens of a request and puts the next one into the answer. */
export interface RefreshTransport {
  /** The way in which a login wants its refresh token. */
  chosenBy (request: FastifyRequest): Way
  /** The way in which the request brought its refresh token. */
  usedBy (request: FastifyRequest): Way
  /** Every refresh token that came this way: there can be several cookies of one name. */
  read (request: FastifyRequest, way: Way): string[]
  /** The body of the answer; sets the cookie, if that is the way. */
  answer (reply: FastifyReply, way: Way, grant: Grant): TokenResponse
  /** Have the client forget its token, if the cookie is the way. */
  clear (reply: FastifyReply, way: Way): void
}

export function createRefreshTransport (transport: ResolvedOptions['refreshToken']['transport'], cookie: RefreshCookie): RefreshTransport {
  return {
    chosenBy (request) {
      if (transport !== 'both') return transport
      return request.headers['token-transport'] === 'body' ? 'body' : 'cookie'
    },
    // A token that came by cookie is never answered in a body, whatever the headers ask for: a script injected into
    // the page could read it there.
    usedBy (request) {
      if (transport !== 'both') return transport
      return bodyToken(request) === undefined ? 'cookie' : 'body'
    },
    read (request, way) {
      if (way === 'cookie') return cookie.read(request)
      const token = bodyToken(request)
      return token === undefined ? [] : [token]
    },
    answer (reply, way, { accessToken, expiresIn, refresh }) {
      const body: TokenResponse = { accessToken, tokenType: 'Bearer', expiresIn }
      if (refresh === undefined) return body
      if (way === 'body') return { ...body, refreshToken: refresh.token }
      cookie.write(reply, refresh.token, refresh.maxAge)
      return body
    },
    clear (reply, way) {
      if (way === 'cookie') cookie.clear(reply)
    }
  }
}

/** The body of a log-in has not been checked for it. */
function bodyToken ({ body }: FastifyRequest): string | undefined {
  const token = (body as { refreshToken?: unknown } | null | undefined)?.refreshToken
  return typeof token === 'string' ? token : undefined
}
