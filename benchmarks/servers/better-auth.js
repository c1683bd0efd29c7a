// better-auth in a Fastify hook, its sessions in memory. Argument: whether its signed cookie cache is on.
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import Fastify from 'fastify'
import { secret } from './keys.js'
import { schema, serveFastify } from './serve.js'

const auth = betterAuth({
  secret,
  baseURL: 'http://127.0.0.1',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: process.argv[2] === 'cache', maxAge: 900 } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false }
})
const signedUp = await auth.api.signUpEmail({ body: { name: 'Ada', email: 'ada@example.com', password: 'analytical-engine' }, asResponse: true })
const cookie = signedUp.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ')

const app = Fastify()
app.decorateRequest('user', null)
app.get('/me', {
  schema,
  async onRequest (request) {
    const session = await auth.api.getSession({ headers: new Headers(request.headers) })
    if (session === null) throw Object.assign(new Error('log in'), { statusCode: 401 })
    request.user = session.user
  }
}, async (request) => ({ id: request.user.id }))
await serveFastify(app, { cookie })
