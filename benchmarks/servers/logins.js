// An app with the example's verifier, which hashes with argon2id.
import Fastify from 'fastify'
import tokenAuth, { MemoryStore } from 'fastify-token-auth'
import { createUserVerifier } from '../node_modules/fastify-token-auth/examples/users.js'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'

const app = Fastify()
const userVerifier = await createUserVerifier()
await app.register(tokenAuth, { secret, userVerifier, refreshTokenStore: new MemoryStore() })
app.get('/me', { schema, onRequest: app.authenticate }, async (request) => ({ id: request.auth.userId }))
await app.ready()
const { accessToken } = await app.tokenAuth.issueAccessToken({ id: 'p-1815' })
const credentials = { username: 'ada', password: 'analytical-engine' }
// the hash alone, to compare a log-in with
await serveFastify(app, { token: accessToken }, async (count) => {
  for (let i = 0; i < count; i++) await userVerifier.verify(credentials)
  return []
})
