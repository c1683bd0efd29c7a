// Requests as somebody, in the tests of a host app: no log-in, no password hash, the real guard.
import type { FastifyInstance } from 'fastify'
import type { TokenAuthUser } from '../options.ts'
import type { NewSession } from '../sessions.ts'
import type {} from '../plugin.ts' // for what it adds to FastifyInstance

/**
 * The value of an `Authorization` header that makes a request this user's:
 * `await app.inject({ url: '/me', headers: { authorization: await authorizationFor(app, { id: '1' }) } })`.
 * It opens a session in the app's store.
 *
 * @param app the app, or the scope of it in which the plugin is registered
 * @param user as `verify` would return it: claims and scopes may be made of more than its id
 * @throws TypeError where the plugin is not registered
 */
export async function authorizationFor<User extends TokenAuthUser> (app: FastifyInstance, user: User, session?: NewSession): Promise<string> {
  if (!app.hasDecorator('tokenAuth')) throw new TypeError('authorizationFor: fastify-token-auth is not registered here; await app.ready() before, and if it is registered in a scope, pass that scope')
  const { accessToken } = await app.tokenAuth.issueAccessToken(user, session)
  return `Bearer ${accessToken}`
}
