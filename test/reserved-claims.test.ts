// accessToken.claims cannot set what the plugin answers for.
import t from 'tap'
import { ada, buildApp, userVerifier } from './fixtures/app.ts'

for (const claim of ['sub', 'sid', 'jti', 'iat', 'nbf', 'exp', 'auth_time', 'scope', 'iss', 'aud', 'cnf']) {
  t.test(claim, async (t) => {
    const { app } = await buildApp(t, { userVerifier: { ...userVerifier, findById: (id) => ({ id }) }, accessToken: { claims: () => ({ role: 'member', [claim]: 1 }) } })
    const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
    t.match(response.json(), { statusCode: 500, code: 'FST_TOKEN_AUTH_INVALID_CLAIMS' })
    t.equal(response.headers['set-cookie'], undefined)
    t.same(await app.tokenAuth.sessions('u-ada'), [], 'no session is left behind')
  })
}
