// What the compiler knows of the client: claims and credentials as the app says, and nothing any.
import { expectTypeOf } from 'expect-type'
import t from 'tap'
import { AuthError, createAuthClient, type AccessTokenClaims, type AuthClient, type AuthErrorCode, type AuthEvent, type AuthState, type PasswordCredentials, type ServerErrorCode } from 'fastify-token-auth/client'
import { buildApp } from './fixtures/app.ts'

t.test('without type arguments', async (t) => {
  const auth = createAuthClient()
  expectTypeOf(auth.state).toEqualTypeOf<'unknown' | 'signed-in' | 'signed-out'>()
  expectTypeOf(auth.claims).not.toBeAny()
  expectTypeOf(auth.claims?.sub).toEqualTypeOf<string | undefined>()
  expectTypeOf(auth.claims?.auth_time).toEqualTypeOf<number | undefined>()
  expectTypeOf(auth.login).parameter(0).toEqualTypeOf<PasswordCredentials>()
  expectTypeOf(auth.restore).returns.resolves.toEqualTypeOf<AuthState>()
  expectTypeOf(auth.token).returns.resolves.toEqualTypeOf<string | null>()
  expectTypeOf(auth.fetch).returns.resolves.toEqualTypeOf<Response>()
  expectTypeOf(auth.fetch).toExtend<(input: string | URL | Request, init?: RequestInit) => Promise<Response>>()
  // @ts-expect-error a claim that nobody promised
  t.equal(auth.claims?.role, undefined)
})

t.test('with claims and credentials of the app', async (t) => {
  const auth = createAuthClient<{ role: 'admin' | 'guest' }, { email: string, code: number }>()
  expectTypeOf(auth).toEqualTypeOf<AuthClient<{ role: 'admin' | 'guest' }, { email: string, code: number }>>()
  expectTypeOf(auth.claims).toEqualTypeOf<Readonly<AccessTokenClaims & { role: 'admin' | 'guest' }> | null>()
  expectTypeOf(auth.login).parameter(0).toEqualTypeOf<{ email: string, code: number }>()
  t.throws(() => {
    // @ts-expect-error claims are read only
    auth.claims.role = 'admin'
  }, TypeError, 'nobody is signed in')
})

t.test('options', async (t) => {
  // @ts-expect-error an unknown transport
  createAuthClient({ transport: 'header' })
  // @ts-expect-error an unknown option
  createAuthClient({ refreshLate: 1 })
  createAuthClient({ fetch, transport: 'body', storage: { get: () => null, set () {} } })
  t.pass('checked by tsc')
})

t.test('events and errors', async (t) => {
  createAuthClient().subscribe((state, event) => {
    expectTypeOf(state).toEqualTypeOf<AuthState>()
    expectTypeOf(event).toEqualTypeOf<AuthEvent>()
    expectTypeOf(event.type).toEqualTypeOf<'login' | 'refresh' | 'logout' | 'session-ended' | 'page-restored'>()
  })
  const error = new AuthError('NO_ANSWER', 'x')
  expectTypeOf(error.code).toEqualTypeOf<AuthErrorCode>()
  expectTypeOf(error.retryAfter).toEqualTypeOf<number | undefined>()
  expectTypeOf<'anything'>().toExtend<AuthErrorCode>()
  t.match(error, { status: 0, retryAfter: undefined })
})

t.test('the codes of the server are those that login, refresh and logout declare', async (t) => {
  const codes = [
    'FST_TOKEN_AUTH_CROSS_ORIGIN', 'FST_TOKEN_AUTH_INVALID_CREDENTIALS', 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN', 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN',
    'FST_TOKEN_AUTH_STORE_UNAVAILABLE', 'FST_TOKEN_AUTH_TOO_MANY_ATTEMPTS', 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED'
  ] as const
  expectTypeOf<ServerErrorCode>().toEqualTypeOf<typeof codes[number]>()

  const declared = new Set<string>()
  await buildApp(t, {}, {
    before (app) {
      app.addHook('onRoute', ({ url, schema }) => {
        if (!/^\/auth\/(login|refresh|logout)$/.test(url)) return
        const answers = Object.values(schema?.response as Record<string, { properties?: { code?: { enum?: string[] } } }>)
        for (const { properties } of answers) properties?.code?.enum?.forEach((code) => declared.add(code))
      })
    }
  })
  t.strictSame([...declared].sort(), codes)
})
