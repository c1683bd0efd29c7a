// Two processes on one SQLite file race, wait for a lock that is not let go of, and run out of disk: 200 or 503, nothing half done.
import t from 'tap'
import { startFarm } from './fixtures/fault-farm.ts'
import { freshStores } from './fixtures/fault-stores.ts'
import { Tally } from './fixtures/fault-tally.ts'
import { openSqlite } from './fixtures/sqlite.ts'

const MINUTE = 60_000

t.test('two processes on one file', async (t) => {
  const store = await freshStores.SQLite(t) as { kind: 'sqlite', file: string }
  const farm = await startFarm(t, store, { servers: 2, options: { storeTimeout: '1m' } })
  const file = openSqlite(store.file)
  t.teardown(() => { file.close() })
  const rows = () => file.prepare('SELECT * FROM token_auth_sessions ORDER BY id').all({})
  const tell = (sql: string) => Promise.all(farm.servers.map((server) => server.order({ sql })))
  t.beforeEach(() => { farm.tally = new Tally() })

  t.test('racing', async (t) => {
    const clients = await farm.logins(20, 'racing')
    for (let round = 0; round < 10; round++) {
      await farm.pass(16 * MINUTE)
      await Promise.all(clients.map(async (client) => {
        const tabs = Array.from({ length: 4 }, () => client.copy())
        const answers = await Promise.all(tabs.map((tab) => tab.refresh(farm.next())))
        const winners = tabs.filter((_, index) => answers[index]?.headers['set-cookie'] !== undefined)
        if (winners.length === 0 || answers.some((answer) => answer?.status !== 200)) t.fail('no successor', { answers })
        // the jar keeps the one that comes last
        client.cookie = winners.at(-1)!.cookie
      }))
    }
    await farm.countLost(clients)
    farm.tally.report(t, 'SQLite: two processes race')
  })

  t.test('busy', async (t) => {
    const clients = await farm.logins(10, 'busy')
    await farm.pass(16 * MINUTE)
    await Promise.all(clients.map((client) => client.refresh(farm.next())))
    await farm.pass(10 * MINUTE)
    await tell('PRAGMA busy_timeout = 20')
    const before = rows()
    file.exec('BEGIN IMMEDIATE')
    const answers = await Promise.all(clients.map((client) => client.refresh(farm.next())))
    for (const answer of answers) {
      t.match(answer, { status: 503, headers: { 'retry-after': '1', 'set-cookie': undefined } })
    }
    t.ok((await Promise.all(clients.map((client) => client.me(farm.next())))).every((answer) => answer?.status === 200), 'guarded routes go on')
    file.exec('COMMIT')
    t.same(rows(), before, 'nothing is half done')
    await tell('PRAGMA busy_timeout = 1000')
    await farm.countLost(clients)
    farm.tally.report(t, 'SQLite: busy')
  })

  t.test('the disk is full', async (t) => {
    // to the brim: SQLite takes the size that the file has already as the least
    await tell('PRAGMA max_page_count = 1')
    const clients = [...await farm.logins(500, 'full')].filter(({ cookie }) => cookie !== '')
    t.ok(clients.length < 500, `${clients.length} of 500 logins had room`)
    t.equal(farm.tally.statuses[503], 500 - clients.length, 'the others are told to try again')
    const { count } = file.prepare("SELECT count(*) AS count FROM token_auth_sessions WHERE user_id LIKE 'full %'").get({}) as { count: number | bigint }
    t.equal(Number(count), clients.length, 'those who got a cookie have a session, nobody else')

    await farm.pass(16 * MINUTE)
    await Promise.all(clients.map((client) => client.refresh(farm.next())))
    t.same(Object.keys(farm.tally.statuses), ['200', '503'])
    await tell('PRAGMA max_page_count = 1000000')
    await farm.countLost(clients)
    farm.tally.report(t, 'SQLite: disk full')
  })
})
