// POST /auth/logout and app.tokenAuth.logout: the session ends on the server first.
import t from 'tap'
import { ada, buildApp, minutes } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

t.test('ends the session and takes the cookie away, without an access token', async (t) => {
  const { app, clock, events } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const before = browser.copy()
  clock.advance(minutes(30))
  browser.accessToken = undefined
  const response = await browser.logout()
  t.equal(response.statusCode, 204)
  t.equal(response.body, '')
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(response.headers['set-cookie'], '__Host-Http-refresh_token=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict')
  t.match(events.at(-1), { type: 'logout', sessionId: String })
  t.equal((await before.refresh()).statusCode, 401)
})

t.test('is idempotent, and takes whatever it is sent', async (t) => {
  const { app, events } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const again = browser.copy()
  await browser.logout()
  t.equal((await again.logout()).statusCode, 204)
  t.equal((await browser.logout()).statusCode, 204, 'no cookie')
  browser.cookies.set('__Host-Http-refresh_token', 'garbage')
  t.equal((await browser.logout()).statusCode, 204, 'garbage')
  t.equal(events.filter(({ type }) => type === 'logout').length, 1)
})

t.test('a refresh that races a logout yields nothing usable afterwards', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  const racing = Array.from({ length: 20 }, () => browser.copy())
  await Promise.all([...racing.map((tab) => tab.refresh()), browser.copy().logout()])
  for (const tab of racing) if (tab.cookies.size > 0) t.equal((await tab.refresh()).statusCode, 401)
})

t.test('app.tokenAuth.logout does the same in a route of the app', async (t) => {
  const { app } = await buildApp(t, {}, {
    after (app) {
      app.post('/leave', async (request, reply) => {
        await app.tokenAuth.logout(reply)
        return { bye: true }
      })
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  const before = browser.copy()
  const response = await browser.request('POST', '/leave')
  t.same(response.json(), { bye: true })
  t.equal(browser.cookies.size, 0)
  t.equal((await before.refresh()).statusCode, 401)
})
