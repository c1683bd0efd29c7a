// Types: credentials and users are inferred, claims are the app's own, and nothing is `any`. The compiler is the test; running it only shows that the file loads.
import Fastify from 'fastify'
import { expectTypeOf } from 'expect-type'
import t from 'tap'
import tokenAuth, { type Auth, type TokenAuthError, type TokenAuthErrorCode, type TokenAuthEvent, type TokenResponse } from 'fastify-token-auth'
import { Type } from 'typebox'

declare module 'fastify-token-auth' {
  interface TokenAuthTypes {
    claims: { role: 'member' | 'admin' }
  }
}

const secret = 'a secret for tests that is 32 bytes or more'

t.test('default credentials', async (t) => {
  const app = Fastify()
  await app.register(tokenAuth, {
    secret,
    userVerifier: {
      verify ({ username, password }, request) {
        expectTypeOf(username).toEqualTypeOf<string>()
        expectTypeOf(password).toEqualTypeOf<string>()
        expectTypeOf(request.ip).toEqualTypeOf<string>()
        return null
      }
    }
  })
  await app.close()
})

t.test('credentials of the app, and a user with more than an id', async (t) => {
  const app = Fastify()
  await app.register(tokenAuth, {
    secret,
    credentials: Type.Object({ email: Type.String(), code: Type.Optional(Type.Integer()) }),
    userVerifier: {
      async verify (credentials) {
        expectTypeOf(credentials).toEqualTypeOf<{ email: string, code?: number }>()
        // @ts-expect-error there is no password
        credentials.password?.trim()
        return credentials.email === '' ? null : { id: '1', role: 'admin' as const }
      },
      async findById (id) {
        expectTypeOf(id).toEqualTypeOf<string>()
        return { id, role: 'admin' as const }
      }
    },
    accessToken: {
      claims (user, session) {
        expectTypeOf(user).toEqualTypeOf<{ id: string, role: 'admin' }>()
        expectTypeOf(session.details).toEqualTypeOf<Record<string, unknown>>()
        return { role: user.role }
      }
    },
    onEvent (event) {
      expectTypeOf(event).toEqualTypeOf<TokenAuthEvent>()
      if (event.type === 'reuse-detected') expectTypeOf(event.generationDistance).toEqualTypeOf<number>()
    }
  })
  app.get('/', { onRequest: [app.authenticate, app.authorize({ scope: 'a', maxAge: 60, liveSession: true, optional: true })] }, async (request, reply) => {
    expectTypeOf(request.auth).toEqualTypeOf<Auth>()
    expectTypeOf(request.authOrNull).toEqualTypeOf<Auth | null>()
    expectTypeOf(request.auth.claims.role).toEqualTypeOf<'member' | 'admin'>()
    expectTypeOf(request.auth.claims.sub).toEqualTypeOf<string>()
    expectTypeOf(request.auth.scope).toEqualTypeOf<readonly string[]>()
    expectTypeOf(request.auth).not.toBeAny()
    expectTypeOf(request.auth.claims).not.toBeAny()
    // @ts-expect-error read-only
    request.auth.userId = 'eve'
    // @ts-expect-error no such claim
    request.auth.claims.rank?.trim()
    expectTypeOf(await app.tokenAuth.login(reply, { id: '1', more: true }, { scope: ['a'] })).toEqualTypeOf<TokenResponse>()
    // @ts-expect-error an id is a string
    await app.tokenAuth.login(reply, { id: 1 })
  })
  await app.close()
})

t.test('what is wrong does not compile', async (t) => {
  const compiled = async () => {
    const app = Fastify()
    // @ts-expect-error the secret is missing
    await app.register(tokenAuth, { userVerifier: { verify: () => null } })
    // @ts-expect-error an unknown option
    await app.register(tokenAuth, { secret, userVerifier: { verify: () => null }, acessToken: {} })
    // @ts-expect-error a verifier returns a user or null
    await app.register(tokenAuth, { secret, userVerifier: { verify: () => 'ada' } })
  }
  expectTypeOf(compiled).toBeFunction()
  expectTypeOf<TokenAuthError['code']>().toEqualTypeOf<TokenAuthErrorCode>()
  expectTypeOf<'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN'>().toExtend<TokenAuthErrorCode>()
})
