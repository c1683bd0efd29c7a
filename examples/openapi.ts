// An OpenAPI document of the whole app, with a page to try it: npx tsx --conditions=@fastify-token-auth/source examples/openapi.ts
//
// Log in on the page as ada with the password analytical-engine, copy the access token into "Authorize", call the rest.
import { randomBytes } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify from 'fastify'
import tokenAuth, { securitySchemes } from 'fastify-token-auth'
import { Type } from 'typebox'
import { createUserVerifier } from './users.ts'

const Person = Type.Object({ id: Type.String(), username: Type.String(), name: Type.String(), role: Type.String() }, { description: 'Who is logged in' })
const Greeting = Type.Object({ greeting: Type.String() }, { description: 'A greeting' })

export async function build () {
  const app = Fastify({ logger: { level: 'warn' } })
  const users = await createUserVerifier()

  // before everything that it is to describe
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'An app', version: '1.0.0' },
      // Every route is behind the guard unless its schema says otherwise, as those of the plugin do where it is not so.
      components: { securitySchemes },
      security: [{ bearer: [] }]
    }
  })
  await app.register(swaggerUi, { routePrefix: '/documentation' })

  // the plugin finds it and limits how often one can guess at a password
  await app.register(rateLimit, { global: false })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    userVerifier: users
  })

  app.get('/me', {
    onRequest: app.authenticate,
    schema: { summary: 'Who am I?', tags: ['app'], response: { 200: Person } }
  }, async ({ auth }) => users.findById(auth.userId))

  app.get('/greeting', {
    onRequest: app.authorize({ optional: true }),
    // either with an access token, or without
    schema: { summary: 'A greeting', tags: ['app'], security: [{ bearer: [] }, {}], response: { 200: Greeting } }
  }, async ({ authOrNull }) => ({ greeting: `Hello, ${users.findById(authOrNull?.userId ?? '')?.name ?? 'stranger'}` }))

  app.get('/', { schema: { hide: true } }, async (request, reply) => reply.redirect('/documentation'))

  return app
}

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const app = await build()
  const { port } = new URL(await app.listen({ port: Number(process.env['PORT'] ?? 3000) }))
  console.log(`Open http://localhost:${port}, or read http://localhost:${port}/documentation/json`)
}
