// @fastify/jwt as its README shows it. Arguments: the algorithm, and whether its cache is on.
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import { createPublicKey } from 'node:crypto'
import { ed25519, rsa, secret } from './keys.js'
import { schema, serveFastify } from './serve.js'

const [algorithm = 'HS256', cache] = process.argv.slice(2)
const pair = (pem) => ({ private: pem, public: createPublicKey(pem).export({ type: 'spki', format: 'pem' }) })

const app = Fastify()
await app.register(fastifyJwt, {
  secret: { HS256: secret, EdDSA: pair(ed25519), RS256: pair(rsa) }[algorithm],
  sign: { algorithm, expiresIn: '15m' },
  verify: { algorithms: [algorithm], ...(cache && { cache: true }) }
})
app.get('/me', { schema, onRequest: (request) => request.jwtVerify() }, async (request) => ({ id: request.user.sub }))
await app.ready()
await serveFastify(app, { token: app.jwt.sign({ sub: 'user-1', sid: 'session-1', auth_time: 1 }) })
