// From what the host gives as `secret` to the keys that sign and verify: the algorithm follows from the key and is pinned, and refresh tokens get a key of their own.
import { hkdfSync } from 'node:crypto'
import { TokenAuthError } from './errors.ts'

/** A secret of at least 32 bytes of text or binary data, for HS256. Take it from a random generator: `openssl rand -base64 32`. */
export type Secret = string | Buffer

/** One key of one kind of token. */
export interface Key {
  /** Tells the keys apart in a token's header. Derived from the key, so it is the same on every server. */
  kid: string
  algorithm: 'HS256'
  secret: Buffer
}

/** HMAC keys must be as long as the hash (RFC 7518 section 3.2). */
const MIN_SECRET_BYTES = 32

/** Text that is public by nature or meant for another algorithm; as an HMAC secret it would let anyone sign (RFC 8725 section 2.1). */
const KEY_TEXT = /-----BEGIN |"kty"\s*:/

/**
 * The keys that sign access tokens: the first signs, all verify.
 *
 * @throws TokenAuthError `FST_TOKEN_AUTH_INVALID_OPTION` for what is no secret, or not a safe one
 */
export function readKeys (option: unknown): Key[] {
  const secrets = Array.isArray(option) ? option : [option]
  if (secrets.length === 0) throw refusal('must not be an empty array: give it at least one secret')
  const keys = secrets.map(readSecret)
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw refusal('names the same secret twice: leave one out')
  return keys
}

/**
 * The key that signs refresh tokens in the place of `key`: derived with HKDF (RFC 5869), so that neither kind of token
 * can ever pass for the other.
 */
export function refreshTokenKey (key: Key): Key {
  return { ...key, secret: derive(key.secret, 'refresh token', 32) }
}

function readSecret (secret: unknown): Key {
  if (typeof secret !== 'string' && !Buffer.isBuffer(secret)) {
    throw refusal('is required: a string or Buffer of at least 32 random bytes, such as `openssl rand -base64 32` prints, or an array of these')
  }
  // a copy, so that a host that wipes or reuses its Buffer does not change our key
  const bytes = Buffer.from(secret)
  const text = bytes.toString('latin1')
  if (text.trim() === '') throw refusal('is blank: make one with `openssl rand -base64 32`')
  if (bytes.length < MIN_SECRET_BYTES) throw refusal(`is too short: ${bytes.length} bytes, HS256 needs at least ${MIN_SECRET_BYTES} (RFC 7518 section 3.2); make one with \`openssl rand -base64 32\``)
  if (KEY_TEXT.test(text)) throw refusal('is the text of a PEM, JWK or JWKS key, which must not serve as an HMAC secret: make a secret with `openssl rand -base64 32`')
  return { kid: derive(bytes, 'key id', 9).toString('base64url'), algorithm: 'HS256', secret: bytes }
}

function derive (secret: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `fastify-token-auth ${purpose}`, length))
}

function refusal (problem: string): TokenAuthError {
  return new TokenAuthError('INVALID_OPTION', { message: `secret ${problem}` })
}
