// fast-jwt in a hook by hand. Argument: whether its cache is on.
import { createSigner, createVerifier } from 'fast-jwt'
import Fastify from 'fastify'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'

const verify = createVerifier({ key: secret, algorithms: ['HS256'], cache: process.argv[2] === 'cache' })

const app = Fastify()
app.decorateRequest('user', null)
app.get('/me', {
  schema,
  onRequest (request, reply, done) {
    request.user = verify(request.headers.authorization.slice('Bearer '.length))
    done()
  }
}, async (request) => ({ id: request.user.sub }))
await serveFastify(app, { token: createSigner({ key: secret, expiresIn: 900_000 })({ sub: 'user-1', sid: 'session-1', auth_time: 1 }) })
