// RevokedSessions: bounded by time, without a timer.
import t from 'tap'
import { RevokedSessions } from '../lib/revoked-sessions.ts'

t.test('an id is kept for at least one life, and gone with the first revocation after two', async (t) => {
  for (let offset = 0; offset <= 100; offset += 10) {
    let now = 0
    const revoked = new RevokedSessions(100, () => now)
    revoked.add('first')
    now = offset
    revoked.add('it')
    for (; now <= offset + 100; now += 10) {
      revoked.add(`other ${now}`)
      t.ok(revoked.has('it'))
    }
    now = offset + 301
    revoked.add('last')
    t.notOk(revoked.has('it'))
    t.ok(revoked.has('last'))
  }
})
