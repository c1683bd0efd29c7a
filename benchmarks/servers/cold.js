// A start from nothing to listening: of a bare Fastify app, or of one with fastify-token-auth. Its argument tells which.
import Fastify from 'fastify'

const app = Fastify()
if (process.argv[2] === 'ours') {
  const { default: tokenAuth, MemoryStore } = await import('fastify-token-auth')
  await app.register(tokenAuth, { secret: process.env.BENCH_SECRET, userVerifier: { verify: () => null }, refreshTokenStore: new MemoryStore() })
} else if (process.argv[2] === 'jwt-cookie') {
  const { default: jwt } = await import('@fastify/jwt')
  const { default: cookie } = await import('@fastify/cookie')
  await app.register(cookie)
  await app.register(jwt, { secret: process.env.BENCH_SECRET })
} else if (process.argv[2] === 'typebox') {
  await import('typebox')
}
await app.listen({ port: 0, host: '127.0.0.1' })
const { user, system } = process.cpuUsage()
process.send({ port: 0, startCpu: user + system, wall: performance.now(), rss: process.memoryUsage().rss })
process.on('disconnect', () => process.exit())
