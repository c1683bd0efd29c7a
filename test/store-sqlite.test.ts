// SqliteStore: the contract of stores with every driver, and what is its own: the table, the file, the tidying, other processes.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { SqliteStore } from 'fastify-token-auth/stores/sqlite'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import type { Session } from '../lib/stores/store.ts'
import { newRotation, newSession } from '../lib/testing/store-sessions.ts'
import { openSqlite, sqliteDrivers, sqliteFile } from './fixtures/sqlite.ts'

const rotation = { generation: 1, tokenId: 'token', rotatedAt: 1_000, expiresAt: 10_000 }

for (const [driver, open] of Object.entries(sqliteDrivers)) {
  t.test(driver, async (t) => {
    const file = sqliteFile(t)
    const database = open(file)
    t.teardown(() => { database.close() })

    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => new SqliteStore({ database })) })
    }

    t.test('a session survives closing and opening the file', async (t) => {
      const handle = open(file)
      const session = newSession()
      await new SqliteStore({ database: handle }).create(session)
      handle.close()
      t.same(await new SqliteStore({ database }).find(session.id), session)
    })

    t.test('it keeps the generation that was replaced', async (t) => {
      const store = new SqliteStore({ database })
      const { id } = newSession()
      await store.create(newSession({ id }))
      t.equal((await store.advance(id, newRotation(1)))?.previousGeneration, 0)
    })

    t.test('every method rejects when the database fails, none throws', async (t) => {
      const handle = open(file)
      const store = new SqliteStore({ database: handle })
      handle.close()
      const calls = [
        () => store.create(newSession()), () => store.advance('a', rotation), () => store.find('a'), () => store.delete('a'),
        () => store.findByUser('a'), () => store.deleteByUser('a'), () => store.deleteExpired()
      ]
      for (const call of calls) await t.rejects(call(), { message: /not open|finalized/ })
    })

    t.test('writes are logged ahead, and a lock of another is waited for', async (t) => {
      const handle = open(file)
      t.teardown(() => { handle.close() })
      const store = new SqliteStore({ database: handle })
      t.ok(store)
      t.same(Object.values(handle.prepare('PRAGMA journal_mode').get({}) as object), ['wal'])
      const [timeout] = Object.values(handle.prepare('PRAGMA busy_timeout').get({}) as object)
      t.equal(Number(timeout), driver === 'node:sqlite' ? 1_000 : 5_000)
    })
  })
}

t.test('a session has expired from the very moment of expiresAt on', async (t) => {
  let now = 999
  const store = new SqliteStore({ database: openSqlite(':memory:'), clock: () => now })
  await store.create(newSession({ id: 'a', userId: 'user', expiresAt: 1_000 }))
  t.ok(await store.find('a'))
  t.equal((await store.findByUser('user')).length, 1)
  now = 1_000
  t.equal(await store.find('a'), null)
  t.same(await store.findByUser('user'), [])
  t.equal(await store.advance('a', rotation), null)
})

t.test('the table', async (t) => {
  t.test('is called token_auth_sessions and checks the types of what is written', async (t) => {
    const database = openSqlite(':memory:')
    const store = new SqliteStore({ database })
    t.ok(store)
    t.throws(() => database.exec("UPDATE token_auth_sessions SET generation = 'a'; INSERT INTO token_auth_sessions VALUES ('a','a','one',0,'a',0,0,0,'','')"), { message: /cannot store TEXT value in INTEGER column/ })
  })

  t.test('may have any usual name, a keyword included, and each is its own', async (t) => {
    const database = openSqlite(':memory:')
    const [customers, staff] = ['select', '_Staff2'].map((table) => new SqliteStore({ database, table })) as [SqliteStore, SqliteStore]
    await customers.create(newSession({ id: 'a' }))
    t.ok(await customers.find('a'))
    t.equal(await staff.find('a'), null)
  })

  t.test('cannot have a name that is none', async (t) => {
    const database = openSqlite(':memory:')
    for (const table of ['', '1st', 'a b', 'a"b', "a'b", 'a;b', 'main.sessions', 'sqlite_sessions', 'SQLITE_x', 'ü', 'a\n']) {
      t.throws(() => new SqliteStore({ database, table }), { name: 'TypeError', message: /^SqliteStore: ".*" is no name for a table. Use letters, digits and underscores/ }, table)
    }
  })

  t.test('is not taken over from somebody else', async (t) => {
    const database = openSqlite(':memory:')
    database.exec('CREATE TABLE sessions (user_id TEXT, expires TEXT)')
    t.throws(() => new SqliteStore({ database, table: 'sessions' }), { message: /no column named id/ })
  })
})

t.test('expired sessions', async (t) => {
  const count = 'SELECT count(*) AS count FROM token_auth_sessions'

  t.test('are deleted a few at a time by each login, so the table stays small', async (t) => {
    let now = 0
    const database = openSqlite(':memory:')
    const store = new SqliteStore({ database, clock: () => now })
    const rows = () => Number((database.prepare(count).get({}) as { count: number | bigint }).count)
    for (let login = 0; login < 1_000; login++) await store.create(newSession({ expiresAt: 1_000 }))
    now = 1_000
    await store.create(newSession())
    t.ok(rows() >= 1_000 - 20 + 1, 'no login pays for all')
    for (let login = 0; login < 1_000; login++) await store.create(newSession())
    t.ok(rows() < 1_100, `${rows()} rows, 1,001 of them alive`)
    t.equal(await store.deleteByUser('nobody'), 0)
  })

  t.test('are deleted all by deleteExpired(), while the event loop turns', async (t) => {
    const database = openSqlite(':memory:')
    const store = new SqliteStore({ database, clock: () => 1_000 })
    for (let login = 0; login < 2_500; login++) await store.create(newSession({ id: `${login}`, expiresAt: login < 2_400 ? 1_000 : 1_001 }))
    database.exec("UPDATE token_auth_sessions SET expires_at = 1000 WHERE id LIKE '%7'")
    const left = database.prepare(count + ' WHERE expires_at > 1000').get({}) as { count: number | bigint }
    let turns = 0
    const turning = setInterval(() => { turns++ })
    const before = database.prepare(count).get({}) as { count: number | bigint }
    t.equal(await store.deleteExpired(), Number(before.count) - Number(left.count))
    clearInterval(turning)
    t.ok(turns >= 0)
    t.same(database.prepare(count).get({}), left)
    t.equal(await store.deleteExpired(), 0)
  })
})
