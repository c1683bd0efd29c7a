// TypeScript: what an author writes against the types of the installed package, and what they refuse. Checked, never run.
import { createPrivateKey } from 'node:crypto'
import Fastify from 'fastify'
import tokenAuth, { defineTokenAuth, MemoryStore, TokenAuthError, type RefreshTokenStore, type TokenAuthErrorCode } from 'fastify-token-auth'
import { createAuthClient } from 'fastify-token-auth/client'
import { PostgresStore } from 'fastify-token-auth/stores/postgres'
import { RedisStore } from 'fastify-token-auth/stores/redis'
import { SqliteStore } from 'fastify-token-auth/stores/sqlite'
import { authorizationFor, createTestClock, refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { Type } from 'typebox'

declare module 'fastify-token-auth' {
  interface TokenAuthTypes { claims: { role: 'member' | 'admin' } }
}

type IsAny<T> = 0 extends 1 & T ? true : false
/** Compiles for what has a type of its own only. */
function typed<T> (value: IsAny<T> extends true ? never : T): T { return value as T }

interface User { id: string, role: 'member' | 'admin' }

const app = Fastify()
await app.register(tokenAuth, {
  secret: [{ privateKey: createPrivateKey('…') }, process.env['AUTH_SECRET'] ?? ''],
  credentials: Type.Object({ email: Type.String() }),
  userVerifier: {
    verify ({ email }): User | null { return { id: typed(email), role: 'admin' } },
    findById (id): User | null { return { id: typed(id), role: 'member' } }
  },
  accessToken: { claims: (user, session) => ({ role: typed(user).role, since: typed(session).createdAt }) },
  onEvent (event) { if (event.type === 'reuse-detected') typed(event.generationDistance) }
})
app.get('/me', { onRequest: app.authenticate }, async (request, reply) => {
  const role: 'member' | 'admin' = typed(request.auth).claims.role
  typed(request.authOrNull)
  typed(await app.tokenAuth.login(reply, { id: '1' }))
  // @ts-expect-error nobody said that there is one
  return { role, name: request.auth.claims.name.first }
})
app.get('/admin', { onRequest: app.authorize({ scope: 'admin', maxAge: 300 }) }, async (request) => typed(request.auth.sessionId))

const staff = defineTokenAuth({ secret: 's', userVerifier: { verify: () => ({ id: '1' }), findById: () => ({ id: '1' }) }, accessToken: { claims: () => ({ desk: 4 }) } })
await app.register(staff)
app.get('/staff', (request) => ({ desk: typed(staff.auth(request).claims.desk).toFixed() }))

// @ts-expect-error there is no such option
await app.register(tokenAuth, { secret: 's', userVerifier: { verify: () => null }, acessToken: {} })
// @ts-expect-error a user has an id
await app.register(tokenAuth, { secret: 's', userVerifier: { verify: () => ({ name: 'ada' }) } })

declare const pool: ConstructorParameters<typeof PostgresStore>[0]['pool']
declare const client: ConstructorParameters<typeof RedisStore>[0]['client']
declare const database: ConstructorParameters<typeof SqliteStore>[0]['database']
const stores: RefreshTokenStore[] = [new MemoryStore(), new PostgresStore({ pool: typed(pool) }), new RedisStore({ client: typed(client) }), new SqliteStore({ database: typed(database) })]
for (const { name, run } of refreshTokenStoreTests) {
  app.log.info(typed(name))
  for (const store of stores) await run(() => typed(store))
}
typed(await authorizationFor(app, { id: '1' }))
typed(createTestClock())

const auth = createAuthClient<{ role: string }>({ baseUrl: 'https://example.com' })
typed(auth.claims)?.role.at(0)
typed(await auth.fetch('/me'))

const code: TokenAuthErrorCode = 'FST_TOKEN_AUTH_INVALID_OPTION'
app.setErrorHandler((error) => { if (error instanceof TokenAuthError && error.code === code) typed(error.statusCode) })
