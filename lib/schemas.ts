// What travels on the wire: the bodies of requests and answers, in TypeBox.
import { Type, type Static, type TObject } from 'typebox'

/** The body of login where the app names no `credentials` of its own. Both strings are bounded, so that nobody has the verifier hash a megabyte. */
export const DefaultCredentials = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 254 }),
  password: Type.String({ minLength: 1, maxLength: 1024 })
})

/** The schema of `TokenResponse`. */
export const TokenResponseSchema = Type.Object({
  accessToken: Type.String(),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ minimum: 0, description: 'Seconds until the access token expires' }),
  refreshToken: Type.Optional(Type.String({ description: 'Only for native clients, which keep it themselves' }))
})

/** The answer of login and refresh, in the terms of RFC 6749 section 5.1; `expiresIn` is in seconds. */
export type TokenResponse = Static<typeof TokenResponseSchema>

/** The body of refresh and logout: native clients send their refresh token in it, browsers none. */
export const RefreshBody = Type.Union([
  Type.Object({ refreshToken: Type.Optional(Type.String({ maxLength: 4096 })) }),
  Type.Null()
])

/** One entry of the session list; dates are ISO 8601. */
export const SessionInfo = Type.Object({
  id: Type.String(),
  current: Type.Boolean({ description: 'Whether the request was made with this session' }),
  createdAt: Type.String({ format: 'date-time' }),
  lastUsedAt: Type.String({ format: 'date-time' }),
  expiresAt: Type.String({ format: 'date-time' }),
  details: Type.Record(Type.String(), Type.Unknown())
})

/** An error, in Fastify's own form. */
const ErrorResponse = Type.Object({
  statusCode: Type.Integer(),
  code: Type.Optional(Type.String()),
  error: Type.String(),
  message: Type.String()
})

/** The `response` part of a route's schema: its success and the failures that it knows, each described. */
export function answers (success: Record<number, unknown>, failures: Record<number, string>): Record<number, unknown> {
  const described = Object.entries(failures).map(([status, description]) => [status, { ...ErrorResponse, description }])
  return { ...success, ...Object.fromEntries(described) as Record<number, TObject> }
}
