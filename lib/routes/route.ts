// What all routes share: they read and write JSON only, are cached by nobody, tell nothing of an unexpected error, and can be renamed, left out or added to by the host.
import type { FastifyError, FastifyInstance, RouteOptions } from 'fastify'
import { TokenAuthError } from '../errors.ts'
import type { ResolvedOptions, RouteSetting } from '../options.ts'
import type { SecurityScheme } from '../schemas.ts'
import { validatorCompiler } from '../validate.ts'

/** Prepare the scope that the routes live in. */
export function prepareScope (scope: FastifyInstance): void {
  // A form or text/plain can be sent across origins without a preflight, so nothing but JSON is read, whatever parsers the host has.
  const parseJson = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // clients send the header by habit, also where there is nothing to send
    if (body === '') done(null, null)
    else parseJson(request, body, done)
  })

  // onSend, because it also sees answers that never came as far as a handler
  scope.addHook('onSend', (request, reply, payload, done) => {
    reply.header('cache-control', 'no-store')
    reply.header('vary', withOurs(reply.getHeader('vary')))
    done()
  })

  // handed on to the host's own error handler; the message of what was not foreseen is for the log alone
  scope.setErrorHandler((err: FastifyError, request, reply) => {
    if (err instanceof TokenAuthError) {
      // Retry-After is there also where the host's handler does not look at the headers of an error
      reply.headers(err.headers)
      throw err
    }
    throw (err.statusCode ?? 500) < 500 ? err : new TokenAuthError('UNEXPECTED', { cause: err })
  })
}

/** The answer depends on what cross-origin protection looks at, besides what the host says. */
function withOurs (vary: number | string | string[] | undefined): string {
  if (vary === undefined) return 'Origin, Sec-Fetch-Site'
  const names = [vary].flat().flatMap((value) => `${value}`.split(/\s*,\s*/))
  return [...new Set([...names, 'Origin', 'Sec-Fetch-Site'])].join(', ')
}

/**
 * Response schemas describe what we send. They do not shape it: what the host's own error handler makes of an error is the
 * host's to say. So it is serialized as Fastify does what has no schema. An error reaches it with fields that only
 * reading them by name will find.
 */
function toJson (payload: unknown): string {
  if (!(payload instanceof Error)) return JSON.stringify(payload)
  const { statusCode, code, error, message } = payload as FastifyError & { error: string }
  return JSON.stringify({ statusCode, code, error, message })
}

/** The schemes that open a route, by name; of several sets any will do, and an empty one stands for nothing at all. */
type Security = Array<Record<string, SecurityScheme>>

/** What opens refresh and logout: a refresh token in the cookie, in the body, or in either. */
export function refreshSecurity ({ cookie: { name }, refreshToken: { transport } }: ResolvedOptions): Security {
  if (transport === 'body') return []
  const cookie: SecurityScheme = { type: 'apiKey', in: 'cookie', name, description: 'The refresh token, which login and refresh set' }
  const byCookie = { [name.replace(/[^\w.-]/g, '_')]: cookie }
  return transport === 'cookie' ? [byCookie] : [byCookie, {}]
}

/**
 * Add a route as the host wants it. The host's compilers stay out: they may know schemas of another kind only. The
 * schema's type leaves room for what @fastify/swagger reads.
 */
export function addRoute (scope: FastifyInstance, setting: RouteSetting, route: RouteOptions & { schema: { summary: string, produces?: string[] } }, security: Security = []): void {
  if (setting === false) return
  const options = typeof setting === 'object' ? setting : {}
  const schema = { tags: ['auth'], ...route.schema, ...options.schema }
  // a type that does not depend on whether that of @fastify/swagger is about
  const config: object = { swaggerTransform: describe(security), ...options.config, ...route.config }
  scope.route({ validatorCompiler, serializerCompiler: () => toJson, ...options, ...route, schema, config, url: typeof setting === 'string' ? setting : route.url })
}

/** What @fastify/swagger calls before it describes the route. It fails over a scheme that it does not know, so each is added here and not left to the host. */
function describe (security: Security) {
  return ({ schema, url, openapiObject }: { schema: object, url: string, openapiObject?: { components: { securitySchemes?: object } } }) => {
    // Swagger 2.0 knows neither of the schemes
    if (openapiObject === undefined) return { schema, url }
    openapiObject.components.securitySchemes = Object.assign({}, ...security, openapiObject.components.securitySchemes)
    return { schema: { security: security.map((schemes) => Object.fromEntries(Object.keys(schemes).map((name) => [name, []]))), ...schema }, url }
  }
}
