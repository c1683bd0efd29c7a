// better-auth, its sessions in memory: in a hook, and as the route that renews a session. Argument: `cache` for its signed cookie cache, `renew` for sessions that are always due.
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
  session: process.argv[2] === 'renew' ? { updateAge: 0 } : { cookieCache: { enabled: process.argv[2] === 'cache', maxAge: 900 } },
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
app.post('/auth/refresh', async (request, reply) => {
  const { headers, response } = await auth.api.getSession({ headers: new Headers(request.headers), returnHeaders: true })
  const renewed = headers.getSetCookie()
  if (renewed.length === 0) throw new Error('the session was not renewed')
  reply.header('set-cookie', renewed)
  return { expiresAt: response.session.expiresAt }
})
await serveFastify(app, { cookie }, async (count) => Array(count).fill(cookie))
