import t from 'tap'
import { RedisStore } from '../lib/stores/redis.ts'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { redisClients } from './fixtures/redis-clients.ts'
import { redisUrl, uniquePrefix } from './fixtures/redis.ts'

const url = await redisUrl(t)
for (const [name, connect] of Object.entries(redisClients)) {
  t.test(name, async (t) => {
    const client = await connect(t, url)
    const keyPrefix = uniquePrefix()
    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => new RedisStore({ client, keyPrefix })) })
    }
  })
}
