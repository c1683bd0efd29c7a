// PostgresStore: the contract of stores at each isolation level, and what is its own: the table, tidying, other tries.
import { EventEmitter, once } from 'node:events'
import { expectTypeOf } from 'expect-type'
import { Client, Pool, type PoolClient, type PoolConfig, types } from 'pg'
import t, { type Test } from 'tap'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { createTableSql, type PostgresPool, PostgresStore } from 'fastify-token-auth/stores/postgres'
import { newRotation, newSession, randomId, until } from '../lib/testing/store-sessions.ts'
import { databaseUrl, uniqueSchema } from './fixtures/postgres.ts'

const url = await databaseUrl(t)

/** A pool, and a schema with or without the table, until the test ends. */
async function setUp (t: Test, { table = true, ...config }: PoolConfig & { table?: boolean } = {}) {
  const schema = await uniqueSchema(t, url)
  const pool = new Pool({ connectionString: url, ...config })
  t.teardown(() => pool.end())
  if (table) await new PostgresStore({ pool, schema }).createTable()
  return { pool, schema }
}

/** A pool that counts its queries and may fail instead. */
function watched (pool: PostgresPool, before: (query: number) => void = () => {}) {
  const counter = {
    queries: 0,
    query (query: Parameters<PostgresPool['query']>[0]) {
      before(++counter.queries)
      return pool.query(query)
    },
    connect: () => pool.connect()
  }
  return counter
}

/** A pool that gives out connections in another way. */
function withConnect (pool: Pool, connect: (connection: number) => Promise<PoolClient>): PostgresPool {
  let connections = 0
  return {
    query: (query) => pool.query(query),
    connect: () => connect(++connections)
  }
}

for (const isolation of ['read committed', 'repeatable read', 'serializable']) {
  t.test(`transactions that are ${isolation}`, async (t) => {
    const { pool, schema } = await setUp(t, { options: `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}` })
    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => new PostgresStore({ pool, schema })) })
    }
  })
}

t.test('a refresh that PostgreSQL gives up because another transaction was first is tried again', async (t) => {
  const { pool, schema } = await setUp(t, { options: '-c default_transaction_isolation=serializable', application_name: randomId() })
  const counter = watched(pool)
  const store = new PostgresStore({ pool: counter, schema })
  const session = newSession()
  await store.create(session)
  counter.queries = 0

  const first = new Client(url)
  await first.connect()
  t.teardown(() => first.end())
  await first.query(`BEGIN; UPDATE "${schema}".token_auth_sessions SET generation = 1`)
  const second = store.advance(session.id, newRotation(2))
  const waiting = 'SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = $2'
  while ((await pool.query(waiting, [pool.options.application_name, 'Lock'])).rowCount === 0);
  await first.query('COMMIT')
  const { generation, previousGeneration } = await second ?? {}
  t.same({ generation, previousGeneration, queries: counter.queries }, { generation: 2, previousGeneration: 1, queries: 2 })
})

t.test('a statement that PostgreSQL gave up is tried again, ten times at most, any other failure is not', async (t) => {
  const { pool, schema } = await setUp(t)
  for (const code of ['40001', '40P01']) {
    const failingTwice = watched(pool, (query) => { if (query <= 2) throw Object.assign(new Error('gave up'), { code }) })
    t.equal(await new PostgresStore({ pool: failingTwice, schema }).find('a'), null)
    t.equal(failingTwice.queries, 3)
    const failing = watched(pool, () => { throw Object.assign(new Error('gave up'), { code }) })
    await t.rejects(new PostgresStore({ pool: failing, schema }).find('a'), { code })
    t.equal(failing.queries, 10)
  }
  const broken = watched(pool, () => { throw Object.assign(new Error('statement timeout'), { code: '57014' }) })
  await t.rejects(new PostgresStore({ pool: broken, schema }).find('a'), { message: 'statement timeout' })
  t.equal(broken.queries, 1)
})

t.test('a session has expired from the very moment of expiresAt on', async (t) => {
  const { pool, schema } = await setUp(t)
  let now = 999
  const store = new PostgresStore({ pool, schema, clock: () => now })
  await store.create(newSession({ id: 'a', userId: 'user', expiresAt: 1_000 }))
  t.ok(await store.find('a'))
  t.equal((await store.findByUser('user')).length, 1)
  now = 1_000
  t.equal(await store.find('a'), null)
  t.same(await store.findByUser('user'), [])
  t.equal(await store.advance('a', newRotation(1)), null)
  t.equal(await store.delete('a'), false)
  t.equal(await store.deleteByUser('user'), 0)
})

t.test('it keeps the generation that was replaced', async (t) => {
  const store = new PostgresStore(await setUp(t))
  await store.create(newSession({ id: 'a' }))
  t.equal((await store.advance('a', newRotation(1)))?.previousGeneration, 0)
})

t.test('whatever pg was told to make of numbers and JSON, sessions come back as they were', async (t) => {
  const parsers: Record<number, (text: string) => unknown> = { [types.builtins.INT8]: BigInt, [types.builtins.JSON]: () => 'parsed' }
  const { pool, schema } = await setUp(t, { types: { getTypeParser: ((type: number) => parsers[type] ?? String) as typeof types.getTypeParser } })
  const store = new PostgresStore({ pool, schema })
  const session = newSession()
  await store.create(session)
  t.same(await store.find(session.id), session)
})

t.test('it needs a pool', async (t) => {
  const pool = new Pool({ connectionString: url })
  for (const not of [url, undefined, { query: pool.query }, { connect: pool.connect }]) {
    t.throws(() => new PostgresStore({ pool: not as PostgresPool }), { name: 'TypeError', message: 'PostgresStore: pool has to be a Pool of the package pg, not a URL' })
  }
  // a single client has no connection to give; the compiler tells
  expectTypeOf<Pool>().toExtend<PostgresPool>()
  expectTypeOf<Client>().not.toExtend<PostgresPool>()
})

t.test('the table', async (t) => {
  t.test('is made once, by however many at a time', async (t) => {
    const { pool, schema } = await setUp(t, { table: false })
    const stores = Array.from({ length: 10 }, () => new PostgresStore({ pool, schema }))
    await t.resolves(Promise.all(stores.map((store) => store.createTable())))
    await stores[0]!.create(newSession({ id: 'a' }))
    await stores[1]!.createTable()
    t.ok(await stores[2]!.find('a'), 'nor is it made anew')
  })

  t.test('may be made by a migration', async (t) => {
    const { pool, schema } = await setUp(t, { table: false })
    await pool.query(createTableSql({ schema, table: 'Sessions' }))
    const store = new PostgresStore({ pool, schema, table: 'Sessions' })
    const session = newSession()
    await store.create(session)
    t.same(await store.find(session.id), session)
  })

  t.test('is public.token_auth_sessions unless told otherwise', async (t) => {
    t.match(createTableSql(), 'CREATE TABLE IF NOT EXISTS "public"."token_auth_sessions" (')
  })

  t.test('may be one of several in a database, with any usual name, a keyword included', async (t) => {
    const { pool, schema } = await setUp(t, { table: false })
    const [customers, staff] = ['select', '_Staff2'].map((table) => new PostgresStore({ pool, schema, table })) as [PostgresStore, PostgresStore]
    await customers.createTable()
    await staff.createTable()
    await customers.create(newSession({ id: 'a', userId: 'user' }))
    t.ok(await customers.find('a'))
    t.equal(await staff.find('a'), null)
    t.equal(await staff.deleteByUser('user'), 0)
  })

  t.test('cannot have a name that is none', async (t) => {
    const pool = new Pool({ connectionString: url })
    for (const name of ['', '1st', 'a b', 'a"b', "a'b", 'a;b', 'a.b', 'ü', 'a\n', 'x'.repeat(51)]) {
      t.throws(() => new PostgresStore({ pool, table: name }), { name: 'TypeError', message: /^PostgresStore: ".*" is no name for a table\. Use at most 50 letters/ }, name)
      t.throws(() => new PostgresStore({ pool, schema: name }), { name: 'TypeError', message: /is no name for a schema/ }, name)
      t.throws(() => createTableSql({ table: name }), { name: 'TypeError' }, name)
    }
    t.doesNotThrow(() => new PostgresStore({ pool, table: 'x'.repeat(50) }))
  })

  t.test('has an index for what it is asked, and none that a refresh would have to write', async (t) => {
    const { pool, schema } = await setUp(t)
    const { rows } = await pool.query('SELECT indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY 1', [schema])
    t.same(rows.map(({ indexdef }) => /\w+ USING.*/.exec(indexdef)?.[0]), ['token_auth_sessions_revoked USING btree (revoked_at)', 'token_auth_sessions USING btree (user_id)', 'token_auth_sessions USING btree (id)'])
  })
})

t.test('each statement is prepared once on a connection', async (t) => {
  const { pool, schema } = await setUp(t, { max: 1 })
  const store = new PostgresStore({ pool, schema })
  for (let call = 0; call < 10; call++) await store.advance('a', newRotation(call))
  await store.find('a')
  const { rows } = await pool.query('SELECT name FROM pg_prepared_statements')
  t.equal(rows.length, 2)
})

t.test('deleteExpired()', async (t) => {
  let now = 0
  t.beforeEach(() => { now = 0 })

  t.test('deletes what has expired, batch by batch', async (t) => {
    const { pool, schema } = await setUp(t)
    const counter = watched(pool)
    const store = new PostgresStore({ pool: counter, schema, clock: () => now })
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.create(newSession({ userId: 'user', expiresAt: index < 40 ? 1_000 : 1_001 }))))
    now = 1_000
    counter.queries = 0
    t.equal(await store.deleteExpired({ batch: 20 }), 40)
    t.equal(counter.queries, 5, 'two full batches, a smaller one, an empty one, and what was revoked')
    now = 0
    t.equal((await store.findByUser('user')).length, 10)
  })

  t.test('looks at a thousand at a time unless told otherwise', async (t) => {
    const { pool, schema } = await setUp(t)
    const counter = watched(pool)
    const store = new PostgresStore({ pool: counter, schema, clock: () => now })
    await pool.query(`
      INSERT INTO "${schema}".token_auth_sessions (id, user_id, generation, token_id, created_at, rotated_at, expires_at, scope, details)
      SELECT i::text, 'user', 0, '', 0, 0, 1, '[]', '{}' FROM generate_series(1, 1500) AS i`)
    now = 1
    t.equal(await store.deleteExpired(), 1_500)
    t.equal(counter.queries, 4)
  })
})

t.test('subscribe()', async (t) => {
  t.test('reports what other processes delete, and what they have deleted within the last hour', async (t) => {
    const { pool, schema } = await setUp(t)
    let now = 0
    const store = new PostgresStore({ pool, schema, clock: () => now })
    for (const id of ['long ago', 'a while ago', 'just now']) await store.create(newSession({ id }))
    await store.delete('long ago')
    now = 3_600_000
    await store.delete('a while ago')

    const otherPool = new Pool({ connectionString: url })
    t.teardown(() => otherPool.end())
    const heard: string[] = []
    const unsubscribe = await new PostgresStore({ pool: otherPool, schema, clock: () => now }).subscribe((id) => { heard.push(id) })
    t.teardown(unsubscribe)
    t.same(heard, ['a while ago'])
    await store.delete('just now')
    await until(() => heard.length === 2, 'it was not heard')
    t.same(heard, ['a while ago', 'just now'])

    await store.deleteExpired()
    const { rows } = await pool.query(`SELECT id FROM "${schema}".token_auth_sessions_revoked ORDER BY id`)
    t.same(rows, [{ id: 'a while ago' }, { id: 'just now' }], 'what was long ago is forgotten')
  })

  t.test('connects anew when the connection is lost, and reports what it has missed', async (t) => {
    const { pool, schema } = await setUp(t, { application_name: randomId() })
    const otherPool = new Pool({ connectionString: url })
    t.teardown(() => otherPool.end())
    const other = new PostgresStore({ pool: otherPool, schema })
    for (const id of ['a', 'b']) await other.create(newSession({ id }))

    const flaky = withConnect(pool, async (connection) => {
      if (connection === 2) throw new Error('not yet')
      return await pool.connect()
    })
    const heard: string[] = []
    const unsubscribe = await new PostgresStore({ pool: flaky, schema }).subscribe((id) => { heard.push(id) })
    t.teardown(unsubscribe)
    await otherPool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [pool.options.application_name])
    await other.delete('a')
    await until(() => heard.includes('a'), 'it was not heard')
    await other.delete('b')
    await until(() => heard.includes('b'), 'it was not heard')
    t.same(heard, ['a', 'b'])
  })

  t.test('reports nothing after the subscription has ended', async (t) => {
    const { pool, schema } = await setUp(t)
    const clients: PoolClient[] = []
    const watching = withConnect(pool, async () => {
      const client = await pool.connect()
      clients.push(client)
      return client
    })
    const heard: string[] = []
    const unsubscribe = await new PostgresStore({ pool: watching, schema }).subscribe((id) => { heard.push(id) })
    const [client] = clients as [PoolClient]
    const notify = (payload: string) => client.emit('notification', { channel: 'any', payload, processId: 0 })
    notify('in time')
    await unsubscribe()
    notify('late')
    t.same(heard, ['in time'])
  })

  t.test('gives the connection back when the subscription ends, also while it tries to connect anew', async (t) => {
    const { pool, schema } = await setUp(t)
    const unsubscribe = await new PostgresStore({ pool, schema }).subscribe(() => {})
    t.equal(pool.totalCount - pool.idleCount, 1)
    await unsubscribe()
    t.equal(pool.totalCount - pool.idleCount, 0)

    const events = new EventEmitter()
    const lost = once(events, 'lost')
    const breaking = withConnect(pool, async (connection) => {
      if (connection > 1) {
        events.emit('lost')
        throw new Error('no more')
      }
      const client = await pool.connect()
      client.on('notification', () => { client.emit('end') })
      return client
    })
    const store = new PostgresStore({ pool: breaking, schema })
    const unsubscribeWhileTrying = await store.subscribe(() => {})
    await store.create(newSession({ id: 'a' }))
    await store.delete('a')
    await lost
    await t.resolves(unsubscribeWhileTrying())
    t.equal(pool.totalCount - pool.idleCount, 0)
  })

  t.test('rejects when it cannot be, and keeps no connection', async (t) => {
    const { pool, schema } = await setUp(t, { table: false })
    await t.rejects(new PostgresStore({ pool, schema }).subscribe(() => {}), { message: /token_auth_sessions_revoked" does not exist/ })
    t.equal(pool.totalCount - pool.idleCount, 0)
  })
})

t.test('every method rejects when the database is out of reach, none throws', async (t) => {
  const pool = new Pool({ connectionString: url })
  await pool.end()
  const store = new PostgresStore({ pool })
  const calls: (() => Promise<unknown>)[] = [
    () => store.create(newSession()), () => store.advance('a', newRotation(1)), () => store.find('a'), () => store.delete('a'),
    () => store.findByUser('a'), () => store.deleteByUser('a'), () => store.deleteExpired(), () => store.createTable(),
    () => store.subscribe(() => {})
  ]
  for (const call of calls) await t.rejects(call(), { message: /Cannot use a pool after calling end/ })
})
