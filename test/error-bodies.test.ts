// What an error looks like is the host's to say: the schemas of the routes describe the usual form and force it upon nobody.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { ada, buildApp } from './fixtures/app.ts'

const wrong = { method: 'POST', url: '/auth/login', payload: { ...ada, password: 'wrong' } } as const

t.test("in Fastify's own form, unless the host says otherwise", async (t) => {
  const { app } = await buildApp(t)
  const response = await app.inject(wrong)
  t.equal(response.body, '{"statusCode":401,"code":"FST_TOKEN_AUTH_INVALID_CREDENTIALS","error":"Unauthorized","message":"Invalid credentials"}')
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
})

t.test("the host's own error handler decides: other fields, other types, text", async (t) => {
  for (const [name, type, make, expected] of [
    ['problem details', 'application/problem+json', (err: FastifyError) => ({ title: err.message, status: err.statusCode }), '{"title":"Invalid credentials","status":401}'],
    ['an object for error', 'application/json', (err: FastifyError) => ({ error: { code: err.code } }), '{"error":{"code":"FST_TOKEN_AUTH_INVALID_CREDENTIALS"}}'],
    ['text', 'text/plain', (err: FastifyError) => err.message, 'Invalid credentials']
  ] as const) {
    const { app } = await buildApp(t, {}, {
      before (app) {
        app.setErrorHandler((err: FastifyError, request: FastifyRequest, reply: FastifyReply) => reply.code(err.statusCode ?? 500).type(type).send(make(err)))
      }
    })
    const response = await app.inject(wrong)
    t.equal(response.statusCode, 401, name)
    t.equal(response.body, expected, name)
    t.match(response.headers['content-type'], type, name)
    t.equal(response.headers['cache-control'], 'no-store', name)
  }
})

t.test("an error of the host's own hooks that has no code is passed on as it is", async (t) => {
  const { app } = await buildApp(t, { routes: { login: { preHandler () { throw Object.assign(new Error('not today'), { statusCode: 403 }) } } } })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.equal(response.body, '{"statusCode":403,"error":"Forbidden","message":"not today"}')
})

t.test("Retry-After is there whatever the host's own error handler makes of an outage", async (t) => {
  const { app } = await buildApp(t, { userVerifier: { verify () { throw new Error('no database') } } }, {
    before (app) {
      app.setErrorHandler((err: FastifyError, request, reply) => reply.code(err.statusCode ?? 500).send({ oops: err.code }))
    }
  })
  const response = await app.inject({ method: 'POST', url: '/auth/login', payload: ada })
  t.same(response.json(), { oops: 'FST_TOKEN_AUTH_USER_VERIFIER_FAILED' })
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '1')
})
