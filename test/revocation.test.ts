// Revocation that the guard sees at once: what a store reports is refused everywhere, without a store call per request.
import t from 'tap'
import { MemoryStore } from 'fastify-token-auth'
import { ada, buildApp, grace, minutes, TestClock } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

t.test('log-out, reuse, one device and all devices: the access token is refused from then on, in every app on the store', async (t) => {
  const clock = new TestClock()
  const store = new MemoryStore({ clock: clock.now })
  const [one, two] = [await buildApp(t, { refreshTokenStore: store, clock: clock.now }), await buildApp(t, { refreshTokenStore: store, clock: clock.now })]
  const ways: Array<(browser: Browser) => Promise<unknown>> = [
    async (browser) => await browser.copy().logout(),
    async (browser) => await browser.copy().request('DELETE', '/auth/sessions'),
    async () => await one.app.tokenAuth.revokeUser('u-ada'),
    async (browser) => await one.app.tokenAuth.revokeSession(one.app.tokenAuth.verifyAccessToken(browser.accessToken as string).sessionId),
    async (browser) => {
      const thief = browser.copy()
      await browser.copy().refresh()
      for (let i = 0; i < 2; i++) {
        clock.advance(minutes(5))
        await browser.refresh()
      }
      await thief.refresh()
    }
  ]
  for (const end of ways) {
    const browser = new Browser(one.app)
    const other = new Browser(one.app)
    await browser.login(ada)
    await other.login(grace)
    for (const app of [one.app, two.app]) t.equal((await browser.copy(app).me()).statusCode, 200)
    await end(browser)
    for (const app of [one.app, two.app]) {
      const response = await browser.copy(app).me()
      t.equal(response.statusCode, 401)
      t.equal(response.json().code, 'FST_TOKEN_AUTH_SESSION_REVOKED')
      t.equal(response.headers['www-authenticate'], 'Bearer error="invalid_token"')
      t.throws(() => app.tokenAuth.verifyAccessToken(browser.accessToken as string), { code: 'FST_TOKEN_AUTH_SESSION_REVOKED' })
      t.equal((await other.copy(app).me()).statusCode, 200, 'nobody else')
    }
  }
})

t.test('an id is kept for as long as an access token of its session can be about', async (t) => {
  const revoked: Array<(sessionId: string) => void> = []
  let ended = 0
  const store = Object.assign(new MemoryStore(), {
    async subscribe (listener: (sessionId: string) => void) {
      revoked.push(listener)
      return async () => { ended++ }
    }
  })
  const { app, clock } = await buildApp(t, { refreshTokenStore: store })
  const [tell] = revoked as [(sessionId: string) => void]
  tell('the first one')
  clock.advance(minutes(9))
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(minutes(1))
  t.equal((await browser.me()).statusCode, 200)
  tell(app.tokenAuth.verifyAccessToken(browser.accessToken as string).sessionId)
  // the token lives until minute 24; others are revoked meanwhile
  for (const pause of [0, minutes(6), minutes(7), minutes(1) - 1]) {
    clock.advance(pause)
    tell('another one')
    t.equal((await browser.me()).json().code, 'FST_TOKEN_AUTH_SESSION_REVOKED')
  }
  clock.advance(1)
  t.equal((await browser.me()).json().code, 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN')
  await app.close()
  t.equal(ended, 1, 'the subscription ends with the app')
})

t.test('a store that cannot subscribe is logged, and the app starts', async (t) => {
  const store = Object.assign(new MemoryStore(), { async subscribe (): Promise<never> { throw new Error('no channel') } })
  const { app, logs } = await buildApp(t, { refreshTokenStore: store })
  t.match(logs.filter(({ level }) => level === 50), [{ msg: /cannot subscribe to revocations/ }])
  await app.close()
})

t.test('with a store that reports nothing, the process that ended a session knows of it at once', async (t) => {
  const store = new CountingStore()
  const [here, elsewhere] = [await buildApp(t, { refreshTokenStore: store }), await buildApp(t, { refreshTokenStore: store })]
  const [phone, laptop] = [new Browser(here.app), new Browser(here.app)]
  const statuses = async () => Promise.all([phone, laptop].map(async (browser) => (await browser.me()).statusCode))
  await phone.login(ada)
  await laptop.login(ada)
  t.equal((await laptop.request('DELETE', '/auth/sessions?others=true')).statusCode, 204)
  t.strictSame(await statuses(), [401, 200])
  t.equal((await phone.copy(elsewhere.app).me()).statusCode, 200, 'another process is told by nobody')

  await phone.login(ada)
  await laptop.copy().logout()
  t.strictSame(await statuses(), [200, 401])
  t.equal(await here.app.tokenAuth.revokeUser('u-ada'), 1)
  t.strictSame(await statuses(), [401, 401])
})

t.test('nor does it need to see the session go: the answer to the deletion may have been lost', async (t) => {
  const store = new CountingStore()
  const { app } = await buildApp(t, { refreshTokenStore: store })
  const browser = new Browser(app)
  await browser.login(ada)
  for (const { id } of await store.findByUser('u-ada')) await store.delete(id)
  t.equal((await browser.me()).statusCode, 200)
  t.equal((await browser.copy().logout()).statusCode, 204)
  t.equal((await browser.me()).statusCode, 401)
})
