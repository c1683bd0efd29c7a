// What travels on the wire: the bodies of requests and answers, in TypeBox.
import { Type, type Static, type TObject, type TSchema } from 'typebox'
import type { TokenAuthErrorCode } from './errors.ts'

/** Longer tokens are refused before anything is parsed, and none is signed: proxies and browsers limit headers and cookies to about this. */
export const MAX_TOKEN_LENGTH = 4096

/** The body of login where the app names no `credentials` of its own. Both strings are bounded, so that nobody has the verifier hash a megabyte. */
export const DefaultCredentials = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 254 }),
  password: Type.String({ minLength: 1, maxLength: 1024 })
})

/** A scope (RFC 6749 section 3.3). */
export const ScopeName = Type.String({ pattern: '^[!#-\\[\\]-~]+$' })

/** What a session may be used for. */
export const Scope = Type.Array(ScopeName)

/** The schema of `TokenResponse`. */
const TokenResponseSchema = Type.Object({
  accessToken: Type.String(),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ minimum: 0, description: 'Seconds until the access token expires' }),
  refreshToken: Type.Optional(Type.String({ description: 'Only for native clients, which keep it themselves' }))
}, { description: 'An access token' })

/** The answer of login and refresh, in the terms of RFC 6749 section 5.1; `expiresIn` is in seconds. */
export type TokenResponse = Static<typeof TokenResponseSchema>

/** What login and refresh answer; with cookies, a body never has a refresh token. */
export function tokenResponse (transport: 'cookie' | 'body' | 'both'): TObject {
  return transport === 'cookie' ? Type.Omit(TokenResponseSchema, ['refreshToken'], { description: 'An access token' }) : TokenResponseSchema
}

const RefreshBody = Type.Union([
  Type.Object({ refreshToken: Type.Optional(Type.String({ maxLength: MAX_TOKEN_LENGTH })) }),
  Type.Null()
])

/** The `body` part of the schema of refresh and logout: native clients send their refresh token in it, browsers send none. */
export function refreshBody (transport: 'cookie' | 'body' | 'both'): { body?: TSchema } {
  return transport === 'cookie' ? {} : { body: RefreshBody }
}

/** The headers of login where it can be chosen how the refresh token travels. */
export const LoginHeaders = Type.Object({
  'token-transport': Type.Optional(Type.String({ description: "'body' for a refresh token in the body instead of a cookie" }))
})

/** One entry of the session list; dates are ISO 8601. */
export const SessionInfo = Type.Object({
  id: Type.String(),
  current: Type.Boolean({ description: 'Whether the request was made with this session' }),
  createdAt: Type.String({ format: 'date-time' }),
  lastUsedAt: Type.String({ format: 'date-time' }),
  expiresAt: Type.String({ format: 'date-time', description: 'When it ends if it is not used, or for good; somewhat later if the answer to its last refresh got lost' }),
  details: Type.Record(Type.String(), Type.Unknown())
})

/** A way in which a request proves who makes it, as OpenAPI describes it. */
export type SecurityScheme = { type: 'http', scheme: 'bearer', bearerFormat: string, description: string } | { type: 'apiKey', in: 'cookie', name: string, description: string }

/**
 * For apps that describe their own guarded routes with @fastify/swagger: `register(swagger, { openapi: { components: {
 * securitySchemes }, security: [{ bearer: [] }] } })`. The routes of the plugin bring along what they need.
 */
export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token' }
} as const satisfies Record<string, SecurityScheme>

/** A failure that a route knows: what it means, and the codes that it has. */
export type Failure = string | [description: string, ...codes: TokenAuthErrorCode[]]

/** An error, in Fastify's own form. */
function errorResponse (failure: Failure): TObject {
  const [description, ...codes] = [failure].flat() as [string, ...string[]]
  return Type.Object({
    statusCode: Type.Integer(),
    code: codes.length === 0 ? Type.Optional(Type.String()) : Type.String({ enum: codes }),
    error: Type.String(),
    message: Type.String()
  }, { description })
}

/** The `response` part of a route's schema: its success and the failures that it knows, each described. */
export function answers (success: Record<number, unknown>, failures: Record<number, Failure>): Record<number, unknown> {
  const described = Object.entries(failures).map(([status, failure]) => [status, errorResponse(failure)])
  return { ...success, ...Object.fromEntries(described) as Record<number, TObject> }
}
