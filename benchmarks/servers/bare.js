// The measure of all others: the route without a guard.
import Fastify from 'fastify'
import { schema, serveFastify } from './serve.js'

const app = Fastify()
app.get('/me', { schema }, async () => ({ id: 'user-1' }))
await serveFastify(app)
