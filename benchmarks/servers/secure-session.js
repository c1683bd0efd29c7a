// @fastify/secure-session: the session is in the cookie, sealed.
import secureSession from '@fastify/secure-session'
import Fastify from 'fastify'
import { schema, serveFastify } from './serve.js'

const app = Fastify()
await app.register(secureSession, { key: Buffer.alloc(32, 'key') })
app.get('/login', async (request) => { request.session.set('user', 'user-1') })
app.get('/me', {
  schema,
  onRequest (request, reply, done) {
    done(request.session.get('user') === undefined ? Object.assign(new Error('log in'), { statusCode: 401 }) : undefined)
  }
}, async (request) => ({ id: request.session.get('user') }))
await app.ready()
const { cookies: [{ name, value }] } = await app.inject('/login')
await serveFastify(app, { cookie: `${name}=${encodeURIComponent(value)}` })
