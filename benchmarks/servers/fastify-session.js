// @fastify/session: an id in the cookie, the session in memory or in Redis. Argument: redis, if there.
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'

const app = Fastify()
await app.register(cookie)
await app.register(session, { secret, ...process.argv[2] === 'redis' && { store: await redisStore() }, cookie: { secure: false }, saveUninitialized: false, rolling: false })
app.get('/login', async (request) => { request.session.user = 'user-1' })
app.get('/me', {
  schema,
  // the session is there only after the plugin's own onRequest hook
  preHandler (request, reply, done) {
    done(request.session.user === undefined ? Object.assign(new Error('log in'), { statusCode: 401 }) : undefined)
  }
}, async (request) => ({ id: request.session.user }))
await app.ready()
const { cookies: [{ name, value }] } = await app.inject('/login')
await serveFastify(app, { cookie: `${name}=${encodeURIComponent(value)}` })

async function redisStore () {
  const { RedisStore } = await import('connect-redis')
  const { createClient } = await import('redis')
  return new RedisStore({ client: await createClient({ url: process.env.BENCH_REDIS }).connect() })
}
