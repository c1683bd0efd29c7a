// The door of fastify-token-auth/client: the browser's half, without dependencies.
export { createAuthClient, type AuthClient, type AuthClientOptions, type PasswordCredentials } from './client.ts'
export { AuthError, type AuthErrorCode, type ServerErrorCode } from './errors.ts'
export type { AccessTokenClaims } from './claims.ts'
export type { GuardedFetch } from './guarded-fetch.ts'
export type { TokenStorage } from './routes.ts'
export type { AuthEvent, AuthListener, AuthState } from './session.ts'
