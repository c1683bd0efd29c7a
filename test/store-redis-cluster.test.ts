import t from 'tap'
import { RedisStore } from '../lib/stores/redis.ts'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { clusterClients } from './fixtures/redis-clients.ts'
import { startRedisCluster } from './fixtures/redis-cluster.ts'
import { uniquePrefix } from './fixtures/redis.ts'

const cluster = await startRedisCluster()
t.teardown(cluster.stop)
for (const [name, connect] of Object.entries(clusterClients)) {
  t.test(name, async (t) => {
    const client = await connect(t, cluster.nodes.map(({ port }) => port))
    const keyPrefix = uniquePrefix()
    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => new RedisStore({ client, keyPrefix })) })
    }
  })
}
