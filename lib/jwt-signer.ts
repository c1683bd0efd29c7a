// The two ways in which tokens are signed: access tokens, which others read, by @fastify/jwt; refresh tokens, which are ours alone, by node:crypto.
import { createHmac, createSecretKey } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { Key } from './keys.ts'

/** Sign claims as they are: `iat` and `exp` are the caller's. */
export type Sign = (claims: Record<string, unknown>) => string

/** Of our @fastify/jwt, in the scope where it signs. */
const NAMESPACE = 'fastify-token-auth'

/**
 * The `sign` of a @fastify/jwt for one key. In a child scope, under a namespace of its own, it meets neither a
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

/** The same by hand, for a secret: @fastify/jwt merges its options and writes the header anew for each token, which makes it cost 1.6 times as much. */
export function hmacSigner ({ kid, secret }: Key, typ: string): Sign {
  const key = createSecretKey(secret as Buffer)
  const header = encode({ alg: 'HS256', typ, kid })
  return (claims) => {
    const text = `${header}.${encode(claims)}`
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
  }
}

function encode (json: object): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}
