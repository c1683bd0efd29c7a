// A start from nothing to listening. Its argument tells of what: a bare Fastify app, one with a log-in by hand, or one with fastify-token-auth.
import Fastify from 'fastify'

const app = Fastify()
if (process.argv[2] === 'ours') {
  const { default: tokenAuth, MemoryStore } = await import('fastify-token-auth')
  await app.register(tokenAuth, { secret: process.env.BENCH_SECRET, userVerifier: { verify: () => null }, refreshTokenStore: new MemoryStore() })
} else if (process.argv[2] === 'by-hand') {
  const { default: jwt } = await import('@fastify/jwt')
  const { default: cookie } = await import('@fastify/cookie')
  await app.register(cookie)
  await app.register(jwt, { secret: process.env.BENCH_SECRET })
}
if (['by-hand', 'body'].includes(process.argv[2])) {
  const string = { type: 'string', minLength: 1, maxLength: 254 }
  app.post('/login', { schema: { body: { type: 'object', required: ['username', 'password'], properties: { username: string, password: string } } } }, async () => ({}))
}
await app.listen({ port: 0, host: '127.0.0.1' })
const { user, system } = process.cpuUsage()
process.send({ port: 0, startCpu: user + system, wall: performance.now(), rss: process.memoryUsage().rss })
process.on('disconnect', () => process.exit())
