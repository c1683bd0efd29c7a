// ECMAScript modules: an app of the installed package. Prints its origin when it listens.
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'

const app = Fastify()
await app.register(tokenAuth, {
  secret: process.env.AUTH_SECRET,
  userVerifier: { verify: ({ username, password }) => password === 'analytical-engine' ? { id: username } : null },
  refreshToken: { transport: 'both' }
})
app.get('/me', { onRequest: app.authenticate }, (request) => ({ id: request.auth.userId }))
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
