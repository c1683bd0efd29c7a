// Signed tokens, read back strictly: one typ, one pinned algorithm per key, one text per token. Verified with node:crypto, whatever signed them.
import { isUtf8 } from 'node:buffer'
import { createHmac, createPublicKey, createSecretKey, timingSafeEqual, verify as verifySignature } from 'node:crypto'
import type { Key } from './keys.ts'
import { MAX_TOKEN_LENGTH } from './schemas.ts'

/** The claims of a token, not yet checked one by one. */
export type Claims = Record<string, unknown>

/** Sign claims as they are: `iat` and `exp` are the caller's. */
export type Sign = (claims: Claims) => string

/** Signs and reads one kind of token. */
export interface Jwt {
  /** Signs with the first key. */
  sign: Sign
  /** The claims of a token that one of the keys signed; `null` for everything else, whatever is wrong with it. Lifetimes are not looked at. */
  verify (token: string): Claims | null
}

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
      // header and payload are signed as text: written in another way, they would not match. The signature itself could be
      const isSigned = keyFor(token.slice(0, headerEnd))?.isSigned(token.slice(0, payloadEnd), token.slice(payloadEnd + 1))
      return isSigned ? parseObject(token.slice(headerEnd + 1, payloadEnd)) : null
    }
  }
}

/** Signs with a secret. @fastify/jwt merges its options and writes the header anew for each token, which makes it cost 1.6 times as much. */
export function hmacSigner ({ kid, secret }: Key, typ: string): Sign {
  const key = createSecretKey(secret as Buffer)
  const header = encode({ alg: 'HS256', typ, kid })
  return (claims) => {
    const text = `${header}.${encode(claims)}`
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
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

function encode (json: object): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url')
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
