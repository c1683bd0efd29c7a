// The example with Redis: two processes share the sessions, one that is killed is replaced and nobody is logged out, and what is missing is said in one line.
import t from 'tap'
import { build } from '../examples/redis.ts'
import { redisUrl } from './fixtures/redis.ts'
import { runExample, tellTheStory } from './fixtures/two-processes.ts'

const url = await redisUrl(t)

t.test('build() makes the app of one process', async (t) => {
  process.env['REDIS_URL'] = url
  process.env['AUTH_SECRET'] = 'of the environment, long enough for HS256'
  const app = await build()
  t.teardown(() => app.close())
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('two processes on one Redis', async (t) => {
  await tellTheStory(t, 'redis.ts', { REDIS_URL: url })
})

t.test('without REDIS_URL, or without a Redis there, it says so', async (t) => {
  t.same(await runExample('redis.ts', {}), { code: 1, errors: ['Set REDIS_URL, such as REDIS_URL=redis://127.0.0.1:6379'] })
  process.env['REDIS_URL'] = 'redis://127.0.0.1:1'
  await t.rejects(build(), { message: 'No Redis at REDIS_URL: connect ECONNREFUSED 127.0.0.1:1' })
})
