// Two server processes behind a round-robin, their sessions in one Redis: REDIS_URL=redis://127.0.0.1:6379 npx tsx --conditions=@fastify-token-auth/source examples/redis.ts
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { RedisStore } from 'fastify-token-auth/stores/redis'
import { Redis } from 'ioredis'
import { runTwice } from './two-processes.ts'
import { createUserVerifier } from './users.ts'

/** Build the app of one of the processes; it does not listen yet. @throws Error of one line, without REDIS_URL or when there is no Redis */
export async function build () {
  const { REDIS_URL, AUTH_SECRET: secret = '' } = process.env
  if (!REDIS_URL) throw new Error('Set REDIS_URL, such as REDIS_URL=redis://127.0.0.1:6379')
  const client = new Redis(REDIS_URL)
  try {
    await once(client, 'ready')
  } catch (error) {
    client.disconnect()
    throw new Error(`No Redis at REDIS_URL: ${(error as Error).message}`, { cause: error })
  }

  const app = Fastify({ logger: { level: 'warn' } })
  // it connects again by itself; until then refreshes are answered 503 and guarded routes go on
  client.on('error', (error) => { app.log.warn(error.message) })
  app.addHook('onClose', async () => { client.disconnect() })
  // the plugin finds it and limits how often one can guess at a password, in both processes together
  await app.register(rateLimit, { global: false, redis: client })
  await app.register(tokenAuth, { secret, userVerifier: await createUserVerifier(), refreshTokenStore: new RedisStore({ client }) })
  app.get('/me', { onRequest: app.authenticate }, ({ auth }) => ({ id: auth.userId, answeredBy: process.pid }))
  return app
}

if (process.argv[1] === import.meta.filename) {
  // both have to know it; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  await runTwice(build)
}
