// SqliteStore: the contract of stores with every driver, and what is its own: the table, the file, the tidying, other processes.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { type SqliteDatabase, SqliteStore } from 'fastify-token-auth/stores/sqlite'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import type { Session } from '../lib/stores/store.ts'
import { newRotation, newSession } from '../lib/testing/store-sessions.ts'
import { plainNode } from './fixtures/plain-node.ts'
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

    t.test('a file that another process is just reading or switching is tried again', async (t) => {
      const { reader, handle } = openWhileRead(t)
      let failures = 0
      const database: SqliteDatabase = {
        prepare: (sql) => handle.prepare(sql),
        exec (sql) {
          try {
            return handle.exec(sql)
          } catch (err) {
            t.match(err, /locked/)
            if (++failures === 3) reader.exec('ROLLBACK')
            throw err
          }
        }
      }
      const session = newSession()
      await new SqliteStore({ database }).create(session)
      t.equal(failures, 3)
      t.same(await new SqliteStore({ database: reader }).find(session.id), session)
    })

    t.test('one that stays so is refused at the start', async (t) => {
      const { handle } = openWhileRead(t)
      t.throws(() => new SqliteStore({ database: handle }), /locked/)
    })

    /** A new file that `reader` is in the middle of reading, and another handle, which hardly waits for it. */
    function openWhileRead (t: Test) {
      const fresh = sqliteFile(t)
      const [reader, handle] = [open(fresh), open(fresh)]
      t.teardown(() => { [reader, handle].forEach((each) => each.close()) })
      reader.exec('CREATE TABLE other (id); BEGIN; SELECT * FROM other')
      handle.exec('PRAGMA busy_timeout = 1')
      return { reader, handle }
    }

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
      const calls: (() => Promise<unknown>)[] = [
        () => store.create(newSession()), () => store.advance('a', rotation), () => store.find('a'), () => store.delete('a'),
        () => store.findByUser('a'), () => store.deleteByUser('a'), () => store.deleteExpired()
      ]
      for (const call of calls) await t.rejects(call(), { message: /not open|finalized/ })
    })

    t.test('writes are logged ahead', async (t) => {
      t.same(database.prepare('PRAGMA journal_mode').get({}), { journal_mode: 'wal' })
    })

    t.test('a handle that waits for no lock is made to wait a second, any other is left as it is', async (t) => {
      for (const [before, after] of [[0, 1_000], [7, 7]] as const) {
        const handle = open(file)
        handle.exec(`PRAGMA busy_timeout = ${before}`)
        t.ok(new SqliteStore({ database: handle }))
        const { timeout } = handle.prepare('PRAGMA busy_timeout').get({}) as { timeout: number | bigint }
        t.equal(Number(timeout), after)
        handle.close()
      }
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
    t.throws(() => database.exec("INSERT INTO token_auth_sessions VALUES ('a', 'a', 'one', 0, 'a', 0, 0, 0, '', '')"), { message: /cannot store TEXT value in INTEGER column/ })
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

  t.test('needs a handle', async (t) => {
    for (const database of ['sessions.sqlite', undefined]) {
      t.throws(() => new SqliteStore({ database: database as unknown as SqliteDatabase }), { name: 'TypeError', message: /database has to be an open handle .* not a file name/ })
    }
  })

  t.test('is not taken over from somebody else', async (t) => {
    const database = openSqlite(':memory:')
    database.exec('CREATE TABLE sessions (user_id TEXT, expires TEXT)')
    t.throws(() => new SqliteStore({ database, table: 'sessions' }), { message: /no column named id/ })
  })
})

t.test('expired sessions', async (t) => {
  let now = 0
  t.beforeEach(() => { now = 0 })
  function rows (database: SqliteDatabase): number {
    const { count } = database.prepare('SELECT count(*) AS count FROM token_auth_sessions').get({}) as { count: number | bigint }
    return Number(count)
  }

  t.test('are deleted a few at a time by each login, so the table stays small', async (t) => {
    const database = openSqlite(':memory:')
    const store = new SqliteStore({ database, clock: () => now })
    for (let login = 0; login < 1_000; login++) await store.create(newSession({ expiresAt: 1_000 }))
    now = 1_000
    await store.create(newSession())
    t.ok(rows(database) > 1_000 - 20, 'no login has to delete all')
    for (let login = 0; login < 999; login++) await store.create(newSession())
    t.ok(rows(database) < 1_100, `${rows(database)} rows of 1,000 live sessions`)
  })

  t.test('are deleted all by deleteExpired(), while the event loop turns', async (t) => {
    const database = openSqlite(':memory:')
    const store = new SqliteStore({ database, clock: () => now })
    for (let login = 0; login < 2_500; login++) await store.create(newSession({ expiresAt: login % 5 === 0 ? 1_001 : 1_000 }))
    now = 1_000
    let turns = 0
    setImmediate(function turn () { if (turns++ < 2) setImmediate(turn) })
    t.equal(await store.deleteExpired(), 2_000)
    t.equal(turns, 3, 'one turn for each thousand')
    t.equal(rows(database), 500)
    t.equal(await store.deleteExpired(), 0)
  })
})

t.test('several processes on one file', async (t) => {
  const file = sqliteFile(t)
  const processes = await Promise.all([1, 2, 3].map(() => start(t, file)))
  const store = new SqliteStore({ database: openSqlite(file) })

  t.test('500 racing tokens of one generation: exactly one wins, and all see it', async (t) => {
    const session = newSession()
    await store.create(session)
    const results = await Promise.all(processes.map((process) => {
      return ask(process, 'advance', Array.from({ length: 500 }, () => [session.id, newRotation(1)]))
    }))
    const winner = await store.find(session.id)
    t.equal(winner?.generation, 1)
    for (const { value, error } of results.flat()) {
      if (error !== undefined || (value as Session).tokenId !== winner?.tokenId) t.fail(error ?? 'two winners')
    }
    t.equal(results.flat().length, 1_500)
  })

  t.test('writing at once, none is refused because the file is busy', async (t) => {
    const results = await Promise.all(processes.map((process) => ask(process, 'create', Array.from({ length: 500 }, () => [newSession({ userId: 'user' })]))))
    t.same(results.flat().filter(({ error }) => error !== undefined), [])
    t.equal((await store.findByUser('user')).length, 1_500)
  })
})

t.test('a rotation that the disk has no room for rejects, and is not told as done', async (t) => {
  const file = sqliteFile(t)
  const store = new SqliteStore({ database: openSqlite(file) })
  const session = newSession()
  await store.create(session)
  // so much may a file of the process grow to, in blocks of 1,024 bytes
  const process = await start(t, file, 'ulimit -f 100')
  const results = await ask(process, 'advance', Array.from({ length: 100 }, (_, generation) => [session.id, newRotation(generation + 1)]))
  const done = results.filter(({ error }) => error === undefined)
  t.ok(done.length > 0 && done.length < 100, `${done.length} of 100 had room`)
  t.match(results.at(-1)?.error, /disk|full/)
  t.equal((await store.find(session.id))?.generation, done.length, 'what was told as done is there')
})

interface Result { value?: unknown, error?: string }

/** Start a process on the file; it ends with the test. */
async function start (t: Test, file: string, limit = 'true'): Promise<ChildProcess> {
  const script = new URL('fixtures/sqlite-process.ts', import.meta.url).pathname
  // what tap would add to measure coverage writes files that are larger than the limit
  const node = [...plainNode, '--import=tsx', '--conditions=@fastify-token-auth/source']
  const child = spawn('bash', ['-c', `${limit}; exec "$@"`, 'bash', ...node, script, file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => { child.kill() })
  await once(child, 'message')
  return child
}

async function ask (child: ChildProcess, method: 'create' | 'advance', calls: unknown[][]): Promise<Result[]> {
  child.send({ method, calls })
  const [results] = await once(child, 'message')
  return results
}
