// Key pairs sign access tokens, which others read, with @fastify/jwt. It knows nothing of the host's, and the host's nothing of it.
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { Sign } from './jwt.ts'
import type { Key } from './keys.ts'

/** Of our @fastify/jwt, in the scope where it signs. */
const NAMESPACE = 'fastify-token-auth'

/**
 * The `sign` of a @fastify/jwt for one key pair. In a child scope, under a namespace of its own, it meets neither a
 * @fastify/jwt of the host's (before, after or not at all) nor that of another instance of this plugin.
 *
 * @param typ the `typ` header of this kind of token (RFC 8725 section 3.11)
 */
export async function fastifyJwtSigner (app: FastifyInstance, { kid, algorithm, secret }: Key, typ: string): Promise<Sign> {
  let sign: Sign | undefined
  await app.register(async (child) => {
    await child.register(fastifyJwt, {
      namespace: NAMESPACE,
      decoratorName: NAMESPACE,
      secret,
      sign: { algorithm, kid, header: { alg: algorithm, typ } }
    })
    const namespaces = child.jwt as unknown as Record<string, { sign: Sign }>
    sign = namespaces[NAMESPACE]?.sign
    // where the host's own @fastify/jwt came first, this is an object of the host's, and other instances come to it, too: leave nothing in it
    delete namespaces[NAMESPACE]
  })
  return sign as Sign
}
