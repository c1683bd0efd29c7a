// RevokedSessions: bounded by time, without a timer.
import t from 'tap'
import { RevokedSessions } from '../lib/revoked-sessions.ts'
import { ada, buildApp, minutes, seconds } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

for (const [name, step] of [['one after the other', 10], ['now and then', 100]] as const) {
  t.test(`an id is kept for at least one life, and gone with the first revocation after two: ${name}`, async (t) => {
    for (let offset = 0; offset <= 100; offset += 10) {
      let now = 0
      const revoked = new RevokedSessions(100, () => now)
      revoked.add('first')
      now = offset
      revoked.add('it')
      for (; now <= offset + 100; now += step) {
        revoked.add(`other ${now}`)
        t.ok(revoked.has('it'))
      }
      now = offset + 201
      revoked.add('last')
      t.notOk(revoked.has('it'))
      t.ok(revoked.has('last'))
    }
  })
}

t.test('a life is that of an access token, with what clockTolerance adds to it', async (t) => {
  const { app, clock } = await buildApp(t, { accessToken: { expiresIn: '15m', clockTolerance: '5s' } })
  const [first, it, last] = [new Browser(app), new Browser(app), new Browser(app)]
  const revoke = async (browser: Browser) => {
    await browser.login(ada)
    await browser.logout()
  }
  await revoke(first)
  clock.advance(minutes(15) - seconds(5))
  await revoke(it)
  clock.advance(minutes(15) - seconds(5) + 1)
  await revoke(last)
  clock.advance(seconds(10) - 2)
  t.equal((await it.me()).json().code, 'FST_TOKEN_AUTH_SESSION_REVOKED')
  clock.advance(1)
  t.equal((await it.me()).json().code, 'FST_TOKEN_AUTH_EXPIRED_ACCESS_TOKEN')
})
