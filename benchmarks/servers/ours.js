// fastify-token-auth. Arguments: the algorithm, the number of keys, and whether it remembers tokens that it has seen.
import Fastify from 'fastify'
import tokenAuth, { MemoryStore } from 'fastify-token-auth'
import { SeenTokens } from '../node_modules/fastify-token-auth/dist/seen-tokens.js'
import { ed25519, secrets } from './keys.js'
import { schema, serveFastify } from './serve.js'

const [algorithm = 'HS256', keys = '1', memory = 'memory'] = process.argv.slice(2)
if (memory === 'no-memory') Object.assign(SeenTokens.prototype, { get () {}, add () {} })

const all = algorithm === 'EdDSA' ? [{ privateKey: ed25519 }] : secrets(Number(keys))
const options = { userVerifier: { verify: ({ username }) => ({ id: username }) }, refreshTokenStore: new MemoryStore() }

const app = Fastify()
await app.register(tokenAuth, { ...options, secret: all })
app.get('/me', { schema, onRequest: app.authenticate }, async (request) => ({ id: request.auth.userId }))
// the token is signed with the last key
const issuer = Fastify()
await issuer.register(tokenAuth, { ...options, secret: all.at(-1) })
const { accessToken } = await issuer.tokenAuth.issueAccessToken({ id: 'user-1' })
await serveFastify(app, { token: accessToken })
