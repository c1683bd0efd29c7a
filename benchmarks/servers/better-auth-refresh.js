// A session of better-auth, renewed: asked for when it is due, it is written again and its cookie set anew. In memory.
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import Fastify from 'fastify'
import { secret } from './keys.js'
import { serveFastify } from './serve.js'

const auth = betterAuth({
  secret,
  baseURL: 'http://127.0.0.1',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  // always due
  session: { updateAge: 0 },
  rateLimit: { enabled: false },
  telemetry: { enabled: false }
})
const signedUp = await auth.api.signUpEmail({ body: { name: 'Ada', email: 'ada@example.com', password: 'analytical-engine' }, asResponse: true })
const cookie = signedUp.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ')

const app = Fastify()
app.post('/auth/refresh', async (request, reply) => {
  const { headers, response } = await auth.api.getSession({ headers: new Headers(request.headers), returnHeaders: true })
  const renewed = headers.getSetCookie()
  if (renewed.length === 0) throw new Error('the session was not renewed')
  reply.header('set-cookie', renewed)
  return { expiresAt: response.session.expiresAt }
})
await serveFastify(app, {}, async (count) => Array(count).fill(cookie))
