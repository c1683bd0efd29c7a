// onEvent, the log and diagnostics_channel: three ways to hear of the same events.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import type { TokenAuthEvent } from 'fastify-token-auth'
import { ada, buildApp } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

t.test('every event reaches the handler, the log and the channel', async (t) => {
  const published: TokenAuthEvent[] = []
  const listener = (message: unknown) => { published.push((message as { event: TokenAuthEvent }).event) }
  subscribe('fastify-token-auth', listener)
  t.teardown(() => unsubscribe('fastify-token-auth', listener))

  const { app, events, logs } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login({ ...ada, password: 'wrong' })
  await browser.login(ada)
  await browser.refresh()
  await browser.logout()
  await browser.login(ada)
  await app.tokenAuth.revokeUser('u-ada')
  await browser.refresh()

  t.same(events.map(({ type }) => type), ['login-failed', 'login', 'refresh', 'logout', 'login', 'session-revoked', 'refresh-rejected'])
  t.same(published, events)
  t.same(logs.flatMap(({ event }) => event ?? []), events)
})

t.test('the handler gets the request, where there is one', async (t) => {
  const urls: Array<string | undefined> = []
  const { app } = await buildApp(t, { onEvent: (event, request) => { urls.push(request?.url) } })
  await new Browser(app).login(ada)
  await app.tokenAuth.revokeUser('u-ada')
  t.same(urls, ['/auth/login', undefined])
})

for (const [name, onEvent] of [
  ['throws', () => { throw new Error('audit trail is full') }],
  ['rejects', async () => { throw new Error('audit trail is full') }]
] as const) {
  t.test(`a handler that ${name} is logged and changes no answer`, async (t) => {
    const { app, logs } = await buildApp(t, { onEvent })
    const browser = new Browser(app)
    t.equal((await browser.login(ada)).statusCode, 200)
    t.equal((await browser.refresh()).statusCode, 200)
    t.match(logs.filter(({ level }) => level === 50), [{ err: { message: 'audit trail is full' } }, {}])
  })
}

t.test('works without a handler', async (t) => {
  const { app } = await buildApp(t, { onEvent: undefined as never })
  t.equal((await new Browser(app).login(ada)).statusCode, 200)
})
