// maxSessionsPerUser: one more login ends the oldest session, also where logins run side by side.
import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, buildApp, grace, seconds } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

t.test('one more ends the oldest', async (t) => {
  const { app, clock, events } = await buildApp(t, { maxSessionsPerUser: 2 })
  const browsers = Array.from({ length: 3 }, () => new Browser(app))
  const other = new Browser(app)
  await other.login(grace)
  for (const browser of browsers) {
    clock.advance(seconds(1))
    await browser.login(ada)
  }
  const [first, second, third] = browsers as [Browser, Browser, Browser]
  t.match(events.filter(({ type }) => type === 'session-revoked'), [{ sessionId: decodeJwt(first.accessToken as string)['sid'] }])
  t.equal((await first.refresh()).statusCode, 401)
  for (const browser of [second, third, other]) t.equal((await browser.refresh()).statusCode, 200)
})

t.test('twenty logins at once leave as many as there may be', async (t) => {
  const { app } = await buildApp(t, { maxSessionsPerUser: 3 })
  const browsers = Array.from({ length: 20 }, () => new Browser(app))
  await Promise.all(browsers.map((browser) => browser.login(ada)))
  t.equal((await app.tokenAuth.sessions('u-ada')).length, 3)
})

t.test('without a limit, there is none', async (t) => {
  const { app } = await buildApp(t)
  for (let i = 0; i < 20; i++) await new Browser(app).login(ada)
  t.equal((await app.tokenAuth.sessions('u-ada')).length, 20)
})
