// Signed tokens over @fastify/jwt, read back strictly: one typ, one pinned algorithm per key, one text per token.
import { isUtf8 } from 'node:buffer'
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { Key } from './keys.ts'

/** The claims of a token, not yet checked one by one. */
export type Claims = Record<string, unknown>

/** Signs and reads one kind of token. */
export interface Jwt {
  /** Sign with the first key. `iat` and `exp` are the caller's. */
  sign (claims: Claims): string
  /** The claims of a token that one of the keys signed; `null` for everything else, whatever is wrong with it. Lifetimes are not looked at. */
  verify (token: string): Claims | null
}

/** Longer tokens are refused before anything is parsed, and none is signed: proxies and browsers limit headers and cookies to about this. */
export const MAX_TOKEN_LENGTH = 4096

// RFC 7515 appendix C. The last character of a segment may carry unused bits; only zeros are taken, so that a token has one text.
const SEGMENT = '(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?'
const COMPACT_JWS = new RegExp(`^${SEGMENT}\\.${SEGMENT}\\.${SEGMENT}$`)

let instances = 0

/** @param typ the `typ` header of this kind of token (RFC 8725 section 3.11) */
export async function createJwt (app: FastifyInstance, keys: Key[], typ: string): Promise<Jwt> {
  const byKid = new Map<unknown, KeyedJwt>()
  for (const key of keys) byKid.set(key.kid, await registerJwt(app, key, typ))
  const first = byKid.get(keys[0]?.kid) as KeyedJwt

  return {
    sign: first.sign,
    verify (token) {
      if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWS.test(token)) return null
      const [encodedHeader, encodedPayload] = token.split('.') as [string, string]
      const header = parseObject(encodedHeader)
      if (header === null || header['typ'] !== typ || 'crit' in header) return null
      const key = 'kid' in header ? byKid.get(header['kid']) : first
      if (key === undefined || header['alg'] !== key.algorithm) return null
      return isUtf8(Buffer.from(encodedPayload, 'base64url')) ? key.verify(token) : null
    }
  }
}

interface KeyedJwt extends Jwt { algorithm: Key['algorithm'] }

/**
 * One @fastify/jwt for one key. In a child scope, under a namespace of its own, it meets neither a @fastify/jwt of the
 * host's (before, after or not at all) nor that of another instance of this plugin.
 */
async function registerJwt (app: FastifyInstance, { kid, algorithm, secret }: Key, typ: string): Promise<KeyedJwt> {
  const namespace = `tokenAuth${instances++}`
  let jwt: { sign (claims: Claims): string, verify (token: string): unknown } | undefined
  await app.register(async (child) => {
    await child.register(fastifyJwt, {
      namespace,
      decoratorName: namespace,
      secret,
      sign: { algorithm, kid, header: { alg: algorithm, typ } },
      // lifetimes are checked by those who know the clock and the claim's rules
      verify: { algorithms: [algorithm], ignoreExpiration: true, ignoreNotBefore: true }
    })
    const namespaces = child.jwt as unknown as Record<string, typeof jwt>
    jwt = namespaces[namespace]
    // where the host's own @fastify/jwt came first, this is an object of the host's: leave nothing in it
    delete namespaces[namespace]
  })
  const { sign, verify } = jwt as NonNullable<typeof jwt>
  return {
    algorithm,
    sign: (claims) => sign(claims),
    verify (token) {
      try {
        return verify(token) as Claims
      } catch {
        return null
      }
    }
  }
}

function parseObject (encoded: string): Record<string, unknown> | null {
  try {
    const bytes = Buffer.from(encoded, 'base64url')
    const value: unknown = JSON.parse(bytes.toString())
    return isUtf8(bytes) && typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : null
  } catch {
    return null
  }
}

/** A claim that is text: a string that is not empty. */
export function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** A claim that counts, seconds since the epoch for one: a whole number, zero or more, that JavaScript can hold exactly. */
export function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0
}
