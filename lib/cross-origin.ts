// Cross-origin protection of the routes that a cookie opens, by what the browser itself says of the request, as in Go's http.CrossOriginProtection.
import type { onRequestHookHandler } from 'fastify'
import { TokenAuthError } from './errors.ts'

/**
 * A hook that refuses a request which another site's page makes. A browser says so in `Sec-Fetch-Site` (Fetch Metadata)
 * or, if it is an old one, in `Origin`; whoever sends neither is no browser and carries nobody's cookies. The hook throws
 * `FST_TOKEN_AUTH_CROSS_ORIGIN`.
 *
 * @param allowedOrigins other origins that may
 */
export function createCrossOriginGuard (allowedOrigins: ReadonlySet<string>): onRequestHookHandler {
  function mayCome (site: string | string[] | undefined, origin: string | undefined, host: string): boolean {
    if (site === 'same-origin' || site === 'none') return true
    if (site === undefined && (origin === undefined || isOwn(origin, host))) return true
    return origin !== undefined && allowedOrigins.has(origin)
  }

  return function refuseCrossOrigin ({ headers, host }, reply, done) {
    if (!mayCome(headers['sec-fetch-site'], headers.origin, host)) throw new TokenAuthError('CROSS_ORIGIN')
    done()
  }
}

/** Only hosts are compared: behind a proxy that ends TLS the server does not know the scheme. */
function isOwn (origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}
