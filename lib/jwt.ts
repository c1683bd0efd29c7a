// Signed tokens, read back strictly: one typ, one pinned algorithm per key, one text per token.
import { isUtf8 } from 'node:buffer'
import { createHmac, createPublicKey, createSecretKey, timingSafeEqual, verify as verifySignature } from 'node:crypto'
import type { Sign } from './jwt-signer.ts'
import type { Key } from './keys.ts'

/** The claims of a token, not yet checked one by one. */
export type Claims = Record<string, unknown>

/** Signs and reads one kind of token. */
export interface Jwt {
  /** Signs with the first key. */
  sign: Sign
  /** The claims of a token that one of the keys signed; `null` for everything else, whatever is wrong with it. Lifetimes are not looked at. */
  verify (token: string): Claims | null
}

/** Longer tokens are refused before anything is parsed, and none is signed: proxies and browsers limit headers and cookies to about this. */
export const MAX_TOKEN_LENGTH = 4096

/**
 * @param typ the `typ` header of this kind of token (RFC 8725 section 3.11)
 * @param sign signs with the first of the keys
 */
export function createJwt (keys: Key[], typ: string, sign: Sign): Jwt {
  const byKid = new Map<unknown, Verifier>(keys.map((key) => [key.kid, verifier(key)]))
  const first = byKid.get(keys[0]?.kid)
  // nearly all tokens have the very header that our signer writes: no need to parse it
  const [usualHeader] = sign({}).split('.')

  function keyFor (encodedHeader: string): Verifier | undefined {
    if (encodedHeader === usualHeader) return first
    const header = parseObject(encodedHeader)
    if (header === null || header['typ'] !== typ || 'crit' in header) return undefined
    const key = 'kid' in header ? byKid.get(header['kid']) : first
    return header['alg'] === key?.algorithm ? key : undefined
  }

  return {
    sign,
    verify (token) {
      if (token.length > MAX_TOKEN_LENGTH) return null
      const headerEnd = token.indexOf('.')
      const payloadEnd = token.lastIndexOf('.')
      // what is signed is text, so only the signature could be written in another way
      const isSigned = keyFor(token.slice(0, headerEnd))?.isSigned(token.slice(0, payloadEnd), token.slice(payloadEnd + 1))
      return isSigned ? parseObject(token.slice(headerEnd + 1, payloadEnd)) : null
    }
  }
}

interface Verifier {
  algorithm: Key['algorithm']
  /** @param signature in base64url; of several texts that decode to the same bytes, only that of RFC 7515 appendix C counts */
  isSigned (text: string, signature: string): boolean
}

/**
 * Verifies with node:crypto, whose keys are imported once. @fastify/jwt would decode the token a second time and look at
 * claims that we look at anyway: it took more than half of what a token costs that was not seen before.
 */
function verifier ({ algorithm, secret }: Key): Verifier {
  if (Buffer.isBuffer(secret)) {
    const key = createSecretKey(secret)
    return {
      algorithm,
      isSigned (text, signature) {
        const expected = Buffer.from(createHmac('sha256', key).update(text).digest('base64url'))
        const given = Buffer.from(signature)
        return given.length === expected.length && timingSafeEqual(given, expected)
      }
    }
  }
  const key = createPublicKey(secret.public)
  const hash = algorithm === 'EdDSA' ? null : 'sha256'
  return {
    algorithm,
    isSigned (text, signature) {
      const bytes = Buffer.from(signature, 'base64url')
      // of ES256: both numbers, one behind the other (RFC 7518 section 3.4); other kinds of key ignore it
      return bytes.toString('base64url') === signature && verifySignature(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, bytes)
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
