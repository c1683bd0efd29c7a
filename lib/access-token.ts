// Access tokens: issue and verify. A JWT with the `typ` and the claims of RFC 9068, save `client_id`; each is checked before anything is believed.
import type { FastifyInstance } from 'fastify'
import { TokenAuthError } from './errors.ts'
import { createJwt, hmacSigner, isCount, isText, type Claims, type Sign } from './jwt.ts'
import type { Key } from './keys.ts'
import type { ResolvedOptions, TokenAuthUser } from './options.ts'
import { randomId } from './random-id.ts'
import { MAX_TOKEN_LENGTH } from './schemas.ts'
import type { Session } from './stores/store.ts'

/** Augment this once with the type of what `accessToken.claims` adds: `interface TokenAuthTypes { claims: { role: string } }`. */
export interface TokenAuthTypes {}

/** What `accessToken.claims` adds, as far as the app has said it. */
export type AppClaims = TokenAuthTypes extends { claims: infer Claims } ? Claims : Record<string, unknown>

/** The claims of an access token; times are seconds since the epoch (RFC 9068 section 2.2, RFC 7519 section 4.1, OpenID Connect for `sid`). */
export interface RegisteredClaims {
  sub: string
  sid: string
  jti: string
  iat: number
  nbf?: number
  exp: number
  auth_time: number
  scope?: string
  iss?: string
  aud?: string | string[]
}

/** Who makes a request, as the access token says: `request.auth`. Frozen, as is everything in it. */
export interface Auth<Claims = AppClaims> {
  readonly userId: string
  readonly sessionId: string
  readonly scope: readonly string[]
  /** When the person logged in; no refresh moves it. */
  readonly authenticatedAt: Date
  /** When the access token expires. */
  readonly expiresAt: Date
  /** Everything the token says, the registered claims among it. */
  readonly claims: Readonly<RegisteredClaims & Claims>
}

/** An access token as it is answered. */
export interface IssuedAccessToken {
  accessToken: string
  /** Seconds. */
  expiresIn: number
}

/** Issues and verifies access tokens. */
export interface AccessTokens {
  /**
   * @param authTime when the person logged in, in seconds since the epoch
   * @param sessionEnd an access token does not outlive its session; in milliseconds since the epoch, as is `now`
   */
  issue (user: TokenAuthUser, session: Session, authTime: number, sessionEnd: number, now: number): Promise<IssuedAccessToken>
  /** What a token of ours says, whatever the time. @throws TokenAuthError `INVALID_ACCESS_TOKEN` */
  read (token: string): Auth
  /** @throws TokenAuthError `EXPIRED_ACCESS_TOKEN`, or `INVALID_ACCESS_TOKEN` for a token from the future */
  checkTime (auth: Auth, now: number): void
}

/** Ours to set: `accessToken.claims` may not (RFC 7519 section 4.1, RFC 9068 section 2.2, OpenID Connect for `sid` and `auth_time`, RFC 7800 for `cnf`). */
const RESERVED_CLAIMS = new Set(['sub', 'sid', 'jti', 'iat', 'nbf', 'exp', 'auth_time', 'scope', 'iss', 'aud', 'cnf'])

/** How far ahead `iat` may be: the clocks of servers differ. Seconds. */
const MAX_CLOCK_SKEW = 60

/** The `typ` header (RFC 9068 section 2.1). */
const TYP = 'at+jwt'

export async function createAccessTokens (app: FastifyInstance, keys: Key[], options: ResolvedOptions['accessToken']): Promise<AccessTokens> {
  const jwt = createJwt(keys, TYP, await signerOf(app, keys[0] as Key))
  const lifetime = Math.floor(options.expiresIn / 1000)
  const tolerance = options.clockTolerance / 1000
  // undefined where there is none, which JSON leaves out
  const fixed = { iss: options.issuer, aud: options.audience }
  const audiences = options.audience === undefined ? undefined : [options.audience].flat()

  function valid (claims: Claims): claims is Claims & RegisteredClaims {
    const { sub, sid, jti, iat, exp, nbf, auth_time: authTime, scope, iss, aud } = claims
    return isText(sub) && isText(sid) && isText(jti) && isCount(iat) && isCount(exp) && isCount(authTime) &&
      (nbf === undefined || isCount(nbf)) && (scope === undefined || typeof scope === 'string') &&
      exp - iat <= lifetime &&
      (options.issuer === undefined || iss === options.issuer) &&
      (audiences === undefined || isFor(aud, audiences))
  }

  return {
    async issue (user, session, authTime, sessionEnd, now) {
      const added = options.claims && ownClaims(await options.claims(user, session))
      const iat = Math.floor(now / 1000)
      const exp = Math.min(iat + lifetime, Math.floor(sessionEnd / 1000))
      const accessToken = jwt.sign({
        ...added,
        ...fixed,
        sub: session.userId,
        sid: session.id,
        jti: randomId(),
        iat,
        exp,
        auth_time: authTime,
        ...(session.scope.length > 0 && { scope: session.scope.join(' ') })
      })
      if (accessToken.length > MAX_TOKEN_LENGTH) {
        throw new TokenAuthError('TOKEN_TOO_LARGE', { message: `The access token would have ${accessToken.length} characters, at most ${MAX_TOKEN_LENGTH} are possible: return less from accessToken.claims` })
      }
      return { accessToken, expiresIn: exp - iat }
    },
    read (token) {
      const claims = jwt.verify(token)
      if (claims === null || !valid(claims) || !freeze(claims)) throw new TokenAuthError('INVALID_ACCESS_TOKEN')
      return new VerifiedAuth(claims as unknown as RegisteredClaims & AppClaims)
    },
    checkTime ({ claims: { iat, nbf = 0, exp } }, now) {
      const seconds = now / 1000
      if (iat > seconds + MAX_CLOCK_SKEW || nbf > seconds + tolerance) throw new TokenAuthError('INVALID_ACCESS_TOKEN')
      if (seconds >= exp + tolerance) throw new TokenAuthError('EXPIRED_ACCESS_TOKEN')
    }
  }
}

/** @fastify/jwt signs with key pairs. For a secret it is not even loaded: that alone takes 35 ms of CPU, a tenth of an app's start. */
async function signerOf (app: FastifyInstance, key: Key): Promise<Sign> {
  if (Buffer.isBuffer(key.secret)) return hmacSigner(key, TYP)
  const { fastifyJwtSigner } = await import('./fastify-jwt-signer.ts')
  return await fastifyJwtSigner(app, key, TYP)
}

/** `Date` cannot be frozen, so each reader gets dates of its own. */
class VerifiedAuth implements Auth {
  readonly userId: string
  readonly sessionId: string
  readonly scope: readonly string[]
  readonly claims: Auth['claims']

  constructor (claims: RegisteredClaims & AppClaims) {
    this.userId = claims.sub
    this.sessionId = claims.sid
    this.scope = Object.freeze(claims.scope?.split(' ') ?? [])
    this.claims = claims
    Object.freeze(this)
  }

  get authenticatedAt (): Date { return new Date(this.claims.auth_time * 1000) }
  get expiresAt (): Date { return new Date(this.claims.exp * 1000) }
}

/** The host's claims as they will be read back: a copy of our own. */
function ownClaims (added: object): Claims {
  let json: unknown
  try {
    json = JSON.parse(JSON.stringify(added))
  } catch (cause) {
    throw new TokenAuthError('INVALID_CLAIMS', { message: 'accessToken.claims must return JSON', cause })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TokenAuthError('INVALID_CLAIMS', { message: 'accessToken.claims must return an object' })
  const reserved = Object.keys(json).find((name) => RESERVED_CLAIMS.has(name))
  if (reserved !== undefined) throw new TokenAuthError('INVALID_CLAIMS', { message: `accessToken.claims must not return '${reserved}': that claim is set by fastify-token-auth` })
  if (!freeze(json)) throw new TokenAuthError('INVALID_CLAIMS', { message: "accessToken.claims must not return the keys '__proto__' and 'constructor', however deep: no token with them is accepted" })
  return json as Claims
}

/** Whether the `aud` claim, a string or an array of strings, names one of the audiences (RFC 7519 section 4.1.3). */
function isFor (aud: unknown, audiences: string[]): boolean {
  const named: unknown[] = [aud].flat()
  return named.every(isText) && named.some((one) => audiences.includes(one))
}

/** Freeze parsed JSON all the way down; false if it has a key that could reach a prototype, however deep. */
function freeze (json: object): boolean {
  for (const key of Object.keys(json)) {
    const value: unknown = json[key as keyof object]
    if (key === '__proto__' || key === 'constructor' || (typeof value === 'object' && value !== null && !freeze(value))) return false
  }
  Object.freeze(json)
  return true
}
