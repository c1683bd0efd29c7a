// How often each store's methods go to the server and back, counted on the wire.
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { Pool } from 'pg'
import { createClient } from 'redis'
import t, { type Test } from 'tap'
import { PostgresStore } from 'fastify-token-auth/stores/postgres'
import { RedisStore } from 'fastify-token-auth/stores/redis'
import type { RefreshTokenStore } from '../lib/stores/store.ts'
import { newRotation, newSession } from '../lib/testing/store-sessions.ts'
import { type CountingProxy, startCountingProxy } from './fixtures/counting-proxy.ts'
import { databaseUrl, uniqueSchema } from './fixtures/postgres.ts'
import { redisUrl, uniquePrefix } from './fixtures/redis.ts'

/** What a request asks the store, by name. Each user has three sessions. */
const calls: Record<string, (store: RefreshTokenStore, id: string, userId: string) => Promise<unknown>> = {
  'log in: create()': (store, id, userId) => store.create(newSession({ userId })),
  'refresh: advance()': (store, id) => store.advance(id, newRotation(1)),
  'live check: find()': (store, id) => store.find(id),
  'log out: delete()': (store, id) => store.delete(id),
  'devices: findByUser()': (store, id, userId) => store.findByUser(userId),
  'log out everywhere: deleteByUser()': (store, id, userId) => store.deleteByUser(userId)
}

const REDIS = { 'log in: create()': 2, 'refresh: advance()': 1, 'live check: find()': 1, 'log out: delete()': 2, 'devices: findByUser()': 2, 'log out everywhere: deleteByUser()': 3 }
const POSTGRES = Object.fromEntries(Object.keys(calls).map((name) => [name, 1]))

interface Subject {
  /** Round trips of each call. */
  expected: Record<string, number>
  connect (t: Test): Promise<{ proxy: CountingProxy, store: RefreshTokenStore }>
}

const subjects: Record<string, Subject> = {
  'Redis, ioredis': {
    expected: REDIS,
    async connect (t) {
      const { proxy, url } = await proxied(t, await redisUrl(t))
      const client = new Redis(url)
      t.teardown(() => { client.disconnect() })
      return { proxy, store: new RedisStore({ client, keyPrefix: uniquePrefix() }) }
    }
  },
  'Redis, iovalkey': {
    expected: REDIS,
    async connect (t) {
      const { proxy, url } = await proxied(t, await redisUrl(t))
      const client = new Valkey(url)
      t.teardown(() => { client.disconnect() })
      return { proxy, store: new RedisStore({ client, keyPrefix: uniquePrefix() }) }
    }
  },
  'Redis, node-redis': {
    expected: REDIS,
    async connect (t) {
      const { proxy, url } = await proxied(t, await redisUrl(t))
      const client = await createClient({ url }).on('error', () => {}).connect()
      t.teardown(() => { client.destroy() })
      return { proxy, store: new RedisStore({ client, keyPrefix: uniquePrefix() }) }
    }
  },
  'PostgreSQL, pg': {
    expected: POSTGRES,
    async connect (t) {
      const direct = await databaseUrl(t)
      const schema = await uniqueSchema(t, direct)
      const { proxy, url } = await proxied(t, direct)
      const pool = new Pool({ connectionString: url, max: 1 })
      t.teardown(() => pool.end())
      const store = new PostgresStore({ pool, schema })
      await store.createTable()
      return { proxy, store }
    }
  }
}

async function proxied (t: Test, direct: string): Promise<{ proxy: CountingProxy, url: string }> {
  const url = new URL(direct)
  const proxy = await startCountingProxy(Number(url.port), url.hostname)
  t.teardown(() => { proxy.close() })
  url.hostname = '127.0.0.1'
  url.port = `${proxy.port}`
  return { proxy, url: url.href }
}

const counted: Record<string, Record<string, number>> = {}

for (const [subject, { expected, connect }] of Object.entries(subjects)) {
  await t.test(subject, async (t) => {
    const { proxy, store } = await connect(t)
    // the first of each kind also teaches the server a script or a statement
    for (const taught of [false, true]) {
      for (const [name, call] of Object.entries(calls)) {
        const { id, userId } = newSession()
        for (const session of [{ id, userId }, { userId }, { userId }]) await store.create(newSession(session))
        const before = proxy.trips
        await call(store, id, userId)
        if (taught) (counted[name] ??= {})[subject] = proxy.trips - before
      }
    }
    t.same(Object.fromEntries(Object.entries(counted).map(([name, row]) => [name, row[subject]])), expected)
  })
}

const columns = Object.keys(subjects)
t.comment(['round trips'.padEnd(36), ...columns].join(' | '))
for (const [name, row] of Object.entries(counted)) {
  t.comment([name.padEnd(36), ...columns.map((column) => String(row[column]).padStart(column.length))].join(' | '))
}
