// One of several processes on one store. Arguments: the storage, and the name that they share in it.
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'
import { openStore } from './stores.js'

const [kind, name] = process.argv.slice(2)
const { store } = await openStore(kind, { name })
const app = Fastify()
await app.register(tokenAuth, { secret, userVerifier: { verify: () => null }, refreshTokenStore: store })
app.get('/me', { schema, onRequest: app.authenticate }, async (request) => ({ id: request.auth.userId }))

await serveFastify(app, {}, async (count) => await Promise.all(Array.from({ length: count }, async (_, user) => {
  const { accessToken } = await app.tokenAuth.issueAccessToken({ id: `user-${user}` })
  return accessToken
})))
