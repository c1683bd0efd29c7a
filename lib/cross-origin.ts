// Cross-origin protection of the routes that a cookie opens, by what the browser itself says of the request, as in Go's http.CrossOriginProtection.
import type { FastifyRequest } from 'fastify'
import { TokenAuthError } from './errors.ts'

/**
 * Refuse a request that another site's page makes. A browser says so in `Sec-Fetch-Site` (Fetch Metadata) or, if it is
 * an old one, in `Origin`; whoever sends neither is no browser and carries nobody's cookies.
 *
 * @param allowedOrigins other origins that may
 * @throws TokenAuthError `FST_TOKEN_AUTH_CROSS_ORIGIN`
 */
export function refuseCrossOrigin ({ headers, host }: FastifyRequest, allowedOrigins: ReadonlySet<string>): void {
  const { origin, 'sec-fetch-site': site } = headers
  if (site === 'same-origin' || site === 'none') return
  if (site === undefined && (origin === undefined || isOwn(origin, host))) return
  if (origin !== undefined && allowedOrigins.has(origin)) return
  throw new TokenAuthError('CROSS_ORIGIN')
}

/** Only hosts are compared: behind a proxy that ends TLS the server does not know the scheme. */
function isOwn (origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}
