// RedisStore on a Redis Cluster: the contract of stores with every client, whatever slots the keys fall into, and after a fail-over.
import { Redis } from 'ioredis'
import t from 'tap'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { RedisStore } from 'fastify-token-auth/stores/redis'
import { newRotation, newSession } from '../lib/testing/store-sessions.ts'
import { clusterClients } from './fixtures/redis-clients.ts'
import { startRedisCluster } from './fixtures/redis-cluster.ts'
import { uniquePrefix } from './fixtures/redis.ts'

const cluster = await startRedisCluster()
t.teardown(cluster.stop)
const ports = cluster.nodes.map(({ port }) => port)
const replicas = ports.slice(3)

for (const [name, connect] of Object.entries(clusterClients)) {
  t.test(name, async (t) => {
    const client = await connect(t, ports)

    // a brace would make Redis put keys into one slot
    for (const keyPrefix of [uniquePrefix(), `{${uniquePrefix()}`]) {
      t.test(`keys that begin with ${keyPrefix.replace(/test-.*/, '…')}`, async (t) => {
        for (const { name, run } of refreshTokenStoreTests) {
          t.test(name, async () => { await run(() => new RedisStore({ client, keyPrefix })) })
        }
      })
    }
  })
}

t.test('a replica sends every call on to its master, also on a connection that may read there', async (t) => {
  const store = new RedisStore({ client: await clusterClients['ioredis Cluster']!(t, ports) })
  const sessions = Array.from({ length: 30 }, () => newSession())
  for (const session of sessions) await store.create(session)

  for (const port of replicas) {
    const client = new Redis(port)
    t.teardown(() => { client.disconnect() })
    await client.readonly()
    const store = new RedisStore({ client })
    for (const { id } of sessions) {
      await t.rejects(store.find(id), { message: /^MOVED / })
      await t.rejects(store.advance(id, newRotation(1)), { message: /^MOVED / })
    }
  }
})

t.test('after a fail-over to servers that do not know the scripts, sessions go on', async (t) => {
  const stores = await Promise.all(Object.values(clusterClients).map(async (connect) => new RedisStore({ client: await connect(t, ports), keyPrefix: 'fail-over:' })))
  const sessions = Array.from({ length: 30 }, () => newSession({ userId: 'user' }))
  for (const session of sessions) await stores[0]!.create(session)

  for (const port of replicas) {
    const replica = new Redis(port)
    await replica.call('CLUSTER', 'FAILOVER')
    while (!(await replica.info('replication')).includes('role:master'));
    replica.disconnect()
  }

  for (const [index, store] of stores.entries()) {
    for (const { id } of sessions) t.equal((await store.advance(id, newRotation(index + 1)))?.generation, index + 1)
    t.equal((await store.findByUser('user')).length, sessions.length)
  }
  t.equal(await stores[0]!.deleteByUser('user'), sessions.length)
})
