// fastify-token-auth/testing in the tests of a host app: requests as somebody, and time that passes at will.
import Fastify from 'fastify'
import t from 'tap'
import { authorizationFor, createTestClock } from 'fastify-token-auth/testing'
import { buildApp } from './fixtures/app.ts'

t.test('a request as somebody, without a log-in', async (t) => {
  const { app } = await buildApp(t, {}, { after (app) { app.get('/admin', { onRequest: app.authorize({ scope: 'admin', liveSession: true }) }, async ({ auth }) => auth.userId) } })
  t.equal((await app.inject({ url: '/me', headers: { authorization: await authorizationFor(app, { id: 'u-ada' }) } })).json().id, 'u-ada')
  const ask = async (scope: string[]) => (await app.inject({ url: '/admin', headers: { authorization: await authorizationFor(app, { id: 'u-ada', name: 'Ada' }, { scope }) } })).statusCode
  t.equal(await ask([]), 403)
  t.equal(await ask(['admin']), 200)
  t.match(await app.tokenAuth.sessions('u-ada'), [{ details: {} }, { details: {} }, { details: {} }])
})

t.test('where the plugin is not registered, the error says so', async (t) => {
  const { app } = await buildApp(t)
  await t.rejects(authorizationFor(Fastify(), { id: 'u-ada' }), { name: 'TypeError', message: /not registered here.*pass that scope/ })
  t.match(await authorizationFor(app, { id: 'u-ada' }), /^Bearer /)
})

t.test('time passes when the test says so', async (t) => {
  const clock = createTestClock()
  const { app } = await buildApp(t, { clock: clock.now })
  const authorization = await authorizationFor(app, { id: 'u-ada' })
  clock.advance('14m')
  clock.advance(59.999)
  t.equal((await app.inject({ url: '/me', headers: { authorization } })).statusCode, 200)
  clock.advance('1ms')
  t.equal((await app.inject({ url: '/me', headers: { authorization } })).statusCode, 401)
  t.equal(createTestClock(5).now(), 5)
  t.throws(() => { clock.advance('soon') }, { name: 'RangeError', message: /"soon" is no duration/ })
})
