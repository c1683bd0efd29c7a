// GET /auth/jwks.json: the public keys, so that other services can verify our access tokens (RFC 7517).
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { OPEN } from '../guard.ts'
import type { PublicJwk } from '../keys.ts'
import type { ResolvedOptions } from '../options.ts'
import { addRoute } from './route.ts'

/** A new key must be in the set for this long before it signs: until then others may know only the old set. Seconds. */
const MAX_AGE = 300

export function jwksRoute (app: FastifyInstance, { routes }: ResolvedOptions, keys: PublicJwk[]): void {
  addRoute(app, routes.jwks, {
    method: 'GET',
    url: '/jwks.json',
    config: OPEN,
    schema: {
      summary: 'The public keys of the access tokens',
      produces: ['application/jwk-set+json'],
      response: { 200: Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.String())) }, { description: 'A key set (RFC 7517)' }) }
    },
    async handler (request, reply) {
      reply.header('cache-control', `public, max-age=${MAX_AGE}`).type('application/jwk-set+json')
      return { keys }
    }
  })
}
