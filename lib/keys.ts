// From what the host gives as `secret` to the keys that sign and verify: the algorithm follows from the key and is pinned, and refresh tokens get a key of their own.
import { createHash, createPrivateKey, createPublicKey, hkdfSync, KeyObject } from 'node:crypto'
import { TokenAuthError } from './errors.ts'

/** A private key and its public key: PEM or `KeyObject`; Ed25519 signs EdDSA, P-256 ES256, RSA of at least 2048 bits RS256. */
export interface KeyPair {
  privateKey: string | Buffer | KeyObject
  /** @default what follows from the private key */
  publicKey?: string | Buffer | KeyObject
  /** Names the key in tokens and in the key set. @default its thumbprint (RFC 7638) */
  kid?: string
}

/** A secret of at least 32 bytes of text or binary data, for HS256, or a key pair. `npx fastify-token-auth keygen` makes either. */
export type Secret = string | Buffer | KeyPair

/** A public key as the key set shows it (RFC 7517); an elliptic one has `crv`, `x` and maybe `y`, one of RSA `n` and `e`. */
export interface PublicJwk {
  kty: string
  kid: string
  alg: string
  use: 'sig'
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
}

/** One key of one kind of token. */
export interface Key {
  /** Tells the keys apart in a token's header; the same on every server. */
  kid: string
  algorithm: 'HS256' | 'EdDSA' | 'ES256' | 'RS256'
  /** What @fastify/jwt takes: the secret, or both keys as PEM. */
  secret: Buffer | { private: string, public: string }
  /** From which the key of the refresh tokens is derived. */
  root: Buffer
  /** Missing for a secret, which is shown to nobody. */
  jwk?: PublicJwk
}

/** HMAC keys must be as long as the hash (RFC 7518 section 3.2). */
const MIN_SECRET_BYTES = 32

/** RFC 7518 section 3.3. */
const MIN_RSA_BITS = 2048

/** Text that is public by nature or meant for another algorithm; as an HMAC secret it would let anyone sign (RFC 8725 section 2.1). */
const KEY_TEXT = /-----BEGIN |"kty"\s*:/

/**
 * The keys that sign access tokens: the first signs, all verify.
 *
 * @throws TokenAuthError `FST_TOKEN_AUTH_INVALID_OPTION` for what is no key, or not a safe one
 */
export function readKeys (option: unknown): Key[] {
  const given: unknown[] = Array.isArray(option) ? option : [option]
  if (given.length === 0) throw refusal('must not be an empty array: give it at least one secret or key pair')
  const keys = given.map((one) => isKeyPair(one) ? readKeyPair(one) : readSecret(one))
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw refusal('has the same key or the same kid twice: leave one out')
  return keys
}

/**
 * The key that signs refresh tokens in the place of `key`: derived with HKDF (RFC 5869), so that neither kind of token
 * can ever pass for the other, and that nobody can sign a refresh token with a private key's public half.
 */
export function refreshTokenKey ({ kid, root }: Key): Key {
  return { kid, algorithm: 'HS256', secret: derive(root, 'refresh token', 32), root }
}

function isKeyPair (given: unknown): given is KeyPair {
  return typeof given === 'object' && given !== null && 'privateKey' in given
}

function readSecret (secret: unknown): Key {
  if (typeof secret !== 'string' && !Buffer.isBuffer(secret)) {
    throw refusal('is required: a string or Buffer of at least 32 random bytes, a key pair { privateKey }, or an array of these; `npx fastify-token-auth keygen` makes one')
  }
  // a copy, so that a host that wipes or reuses its Buffer does not change our key
  const bytes = Buffer.from(secret)
  const text = bytes.toString('latin1')
  if (text.trim() === '') throw refusal('is blank: make one with `npx fastify-token-auth keygen`')
  if (bytes.length < MIN_SECRET_BYTES) throw refusal(`is too short: ${bytes.length} bytes, HS256 needs at least ${MIN_SECRET_BYTES} (RFC 7518 section 3.2); make one with \`npx fastify-token-auth keygen\``)
  if (KEY_TEXT.test(text)) throw refusal('is the text of a PEM, JWK or JWKS key, which must not serve as an HMAC secret: give a private key as { privateKey }')
  return { kid: derive(bytes, 'key id', 9).toString('base64url'), algorithm: 'HS256', secret: bytes, root: bytes }
}

function readKeyPair ({ privateKey, publicKey, kid }: KeyPair): Key {
  const priv = keyObject('privateKey', privateKey, createPrivateKey)
  const pub = createPublicKey(priv)
  if (publicKey !== undefined && !keyObject('publicKey', publicKey, createPublicKey).equals(pub)) throw refusal('has a publicKey that does not belong to its privateKey: leave it out, it follows from the private key')
  if (kid !== undefined && !(typeof kid === 'string' && /^[\w.~-]{1,64}$/.test(kid))) throw refusal('has a kid that is none: use 1 to 64 letters, digits and . _ ~ -')

  const algorithm = algorithmOf(pub)
  const jwk = pub.export({ format: 'jwk' }) as Omit<PublicJwk, 'kid' | 'alg' | 'use'>
  const name = kid ?? thumbprint(jwk)
  return {
    kid: name,
    algorithm,
    secret: { private: pem(priv), public: pem(pub) },
    // the private number, which is the same in whatever file format the key came
    root: Buffer.from(priv.export({ format: 'jwk' }).d as string, 'base64url'),
    jwk: { ...jwk, kid: name, alg: algorithm, use: 'sig' }
  }
}

function keyObject (option: string, given: string | Buffer | KeyObject, parse: (pem: string | Buffer) => KeyObject): KeyObject {
  try {
    const key = given instanceof KeyObject ? given : parse(given)
    if (`${key.type}Key` === option) return key
  } catch {} // told below, without the parser's words, which might quote the key
  throw refusal(`has a ${option} that is none: give it as PEM (with real line breaks, not \\n) or KeyObject, without a passphrase`)
}

function algorithmOf (key: KeyObject): 'EdDSA' | 'ES256' | 'RS256' {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return 'EdDSA'
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256'
  if (type === 'rsa' && Number(details?.modulusLength) >= MIN_RSA_BITS) return 'RS256'
  throw refusal(`has a key of a kind that is not supported (${type}, ${details?.namedCurve ?? details?.modulusLength ?? 'no details'}): use Ed25519, P-256 or RSA of at least ${MIN_RSA_BITS} bits`)
}

function pem (key: KeyObject): string {
  return key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' } as { format: 'pem', type: 'pkcs8' }).toString()
}

/** RFC 7638: the SHA-256 of the required members, in alphabetical order. */
function thumbprint ({ crv, e, kty, n, x, y }: Partial<PublicJwk>): string {
  return createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url')
}

function derive (root: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', root, '', `fastify-token-auth ${purpose}`, length))
}

function refusal (problem: string): TokenAuthError {
  return new TokenAuthError('INVALID_OPTION', { message: `secret ${problem}` })
}
