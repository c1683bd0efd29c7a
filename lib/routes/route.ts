// What all routes share: they read and write JSON only, are cached by nobody, tell nothing of an unexpected error, and can be renamed, left out or added to by the host.
import type { FastifyError, FastifyInstance, RouteOptions } from 'fastify'
import { TokenAuthError } from '../errors.ts'
import type { RouteSetting } from '../options.ts'

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
  scope.addHook('onSend', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    const vary = [reply.getHeader('vary') ?? []].flat().flatMap((value) => `${value}`.split(/\s*,\s*/))
    reply.header('vary', [...new Set([...vary, 'Origin', 'Sec-Fetch-Site'])].join(', '))
  })

  // handed on to the host's own error handler; the message of what was not foreseen is for the log alone
  scope.setErrorHandler((err: FastifyError) => {
    throw err instanceof TokenAuthError || (err.statusCode ?? 500) < 500 ? err : new TokenAuthError('UNEXPECTED', { cause: err })
  })
}

/** Add a route as the host wants it. The schema's type leaves room for what @fastify/swagger reads. */
export function addRoute (scope: FastifyInstance, setting: RouteSetting, route: RouteOptions & { schema: { summary: string } }): void {
  if (setting === false) return
  const options = typeof setting === 'object' ? setting : {}
  const schema = { tags: ['auth'], ...route.schema, ...options.schema }
  scope.route({ ...options, ...route, schema, url: typeof setting === 'string' ? setting : route.url })
}
