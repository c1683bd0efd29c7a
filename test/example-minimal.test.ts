// The shortest complete app works, and does not start without a secret.
import t from 'tap'
import { build } from '../examples/minimal.ts'

t.afterEach(() => { delete process.env['AUTH_SECRET'] })

t.test('log in, and the guarded route knows who it is', async (t) => {
  process.env['AUTH_SECRET'] = 'of the environment, long enough for HS256'
  const app = await build()
  t.teardown(() => app.close())

  t.equal((await app.inject('/me')).statusCode, 401)
  const login = (username: string, password: string) => app.inject({ method: 'POST', url: '/auth/login', payload: { username, password } })
  t.equal((await login('ada', 'wrong')).statusCode, 401)
  t.equal((await login('grace', 'analytical-engine')).statusCode, 401)
  const { accessToken } = (await login('ada', 'analytical-engine')).json<{ accessToken: string }>()
  const me = await app.inject({ url: '/me', headers: { authorization: `Bearer ${accessToken}` } })
  t.same(me.json(), { id: '1' })
})

t.test('without AUTH_SECRET it says what is missing', async (t) => {
  await t.rejects(build(), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /secret/ })
})
