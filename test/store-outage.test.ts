// A store that is down or slow is 503 and never 401: nobody loses a session by it, and guarded routes go on.
import t from 'tap'
import { ada, buildApp } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { MemoryStore } from '../lib/stores/memory.ts'

/** A store whose calls can be made to fail, or never to end. */
class FlakyStore extends MemoryStore {
  mode: 'up' | 'down' | 'hanging' = 'up'

  async #gate (): Promise<void> {
    if (this.mode === 'down') throw new Error('ECONNREFUSED 10.0.0.7:6379')
    if (this.mode === 'hanging') await new Promise(() => {})
  }

  override async create (...args: Parameters<MemoryStore['create']>) { await this.#gate(); return await super.create(...args) }
  override async advance (...args: Parameters<MemoryStore['advance']>) { await this.#gate(); return await super.advance(...args) }
  override async find (...args: Parameters<MemoryStore['find']>) { await this.#gate(); return await super.find(...args) }
  override async delete (...args: Parameters<MemoryStore['delete']>) { await this.#gate(); return await super.delete(...args) }
  override async findByUser (...args: Parameters<MemoryStore['findByUser']>) { await this.#gate(); return await super.findByUser(...args) }
  override async deleteByUser (...args: Parameters<MemoryStore['deleteByUser']>) { await this.#gate(); return await super.deleteByUser(...args) }
}

for (const mode of ['down', 'hanging'] as const) {
  t.test(`a store that is ${mode}`, async (t) => {
    const store = new FlakyStore({ clock: () => 0 })
    const { app, events } = await buildApp(t, { refreshTokenStore: store, storeTimeout: 0.02 }, {
      after (app) { app.get('/live', { onRequest: app.authorize({ liveSession: true }) }, async () => 'yes') }
    })
    const browser = new Browser(app)
    await browser.login(ada)
    const cookie = browser.cookies.get('__Host-Http-refresh_token')
    events.length = 0
    store.mode = mode

    for (const [method, url, payload] of [
      ['POST', '/auth/login', ada], ['POST', '/auth/refresh'], ['POST', '/auth/logout'], ['GET', '/live'],
      ['GET', '/auth/sessions'], ['DELETE', '/auth/sessions'], ['DELETE', '/auth/sessions/x']
    ] as const) {
      const response = await browser.request(method, url, payload && { payload })
      t.equal(response.statusCode, 503, url)
      t.match(response.json(), { code: 'FST_TOKEN_AUTH_STORE_UNAVAILABLE', error: 'Service Unavailable' })
      t.equal(response.headers['retry-after'], '1', url)
      t.equal(response.headers['set-cookie'], undefined, url)
      t.notMatch(response.body, /10\.0\.0\.7/)
    }
    await t.rejects(app.tokenAuth.revokeUser('u-ada'), { code: 'FST_TOKEN_AUTH_STORE_UNAVAILABLE' })
    t.same(events, [], 'no event takes it for theft')
    t.equal((await browser.me()).statusCode, 200, 'guarded routes go on')

    store.mode = 'up'
    t.equal(browser.cookies.get('__Host-Http-refresh_token'), cookie)
    t.equal((await browser.refresh()).statusCode, 200, 'and so does the session')
  })
}

t.test('a store that throws at once counts as one that rejects', async (t) => {
  const store = new MemoryStore()
  store.advance = () => { throw new Error('not even a promise') }
  const { app } = await buildApp(t, { refreshTokenStore: store })
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal((await browser.refresh()).statusCode, 503)
})
