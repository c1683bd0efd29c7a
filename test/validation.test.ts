// What comes to the plugin's routes is validated by TypeBox, whatever the host validates its own with.
import { generateKeyPairSync } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { Type } from 'typebox'
import tokenAuth, { MemoryStore } from 'fastify-token-auth'
import { ada, buildApp, SECRET } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

/** A kind of schema that is not JSON Schema, as those of zod are not. */
interface Parser { parse (value: unknown): unknown }

t.test('a host whose compilers know schemas of another kind only, as those for zod do', async (t) => {
  const { app } = await buildApp(t, { secret: { privateKey: generateKeyPairSync('ed25519').privateKey } }, {
    before (app) {
      app.setValidatorCompiler<Parser>(({ schema }) => (value) => ({ value: schema.parse(value) }))
      app.setSerializerCompiler<Parser>(({ schema }) => (value) => JSON.stringify(schema.parse(value)))
    },
    after (app) {
      const upper = { parse: (text: string) => text.toUpperCase() }
      const twice = { parse: ({ text }: { text: string }) => `${text}${text}` }
      app.post('/upper', { schema: { body: upper, response: { 200: twice } } }, async ({ body }) => ({ text: body }))
    }
  })
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal((await browser.refresh()).statusCode, 200)
  t.equal((await browser.request('GET', '/auth/sessions')).statusCode, 200)
  t.equal((await browser.request('GET', '/auth/jwks.json')).json().keys.length, 1)
  t.equal((await browser.request('DELETE', '/auth/sessions?others=true')).statusCode, 204)
  t.equal((await browser.request('POST', '/auth/login', { payload: {} })).statusCode, 400)
  const upper = await app.inject({ method: 'POST', url: '/upper', headers: { 'content-type': 'application/json' }, payload: '"a"' })
  t.equal(upper.body, '"AA"', "the host's own routes are as they were")
})

t.test('credentials may use all of TypeBox, and have defaults', async (t) => {
  const seen: unknown[] = []
  const credentials = Type.Object({
    email: Type.String({ format: 'email' }),
    pin: Type.Refine(Type.String(), (pin) => /^\d{6}$/.test(pin)),
    remember: Type.Boolean({ default: false })
  })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(tokenAuth, {
    secret: SECRET,
    refreshTokenStore: new MemoryStore(),
    credentials,
    userVerifier: {
      verify ({ email, pin, remember }) {
        seen.push({ email, pin, remember })
        return { id: email }
      }
    }
  })
  const login = async (payload: object) => (await app.inject({ method: 'POST', url: '/auth/login', payload })).statusCode
  t.equal(await login({ email: 'ada@example.com', pin: '123456' }), 200)
  t.same(seen, [{ email: 'ada@example.com', pin: '123456', remember: false }])
  t.equal(await login({ email: 'ada', pin: '123456' }), 400)
  t.equal(await login({ email: 'ada@example.com', pin: 'abcdef' }), 400)
  t.equal(await login({ email: 'ada@example.com', pin: 123456 }), 400, 'a number is not made text')
  t.equal(seen.length, 1)
})

t.test('what is wrong is said in the words of Fastify, or of the host', async (t) => {
  const payload = { username: '', password: 'x' }
  const { app } = await buildApp(t)
  t.match((await app.inject({ method: 'POST', url: '/auth/login', payload })).json(), {
    statusCode: 400,
    code: 'FST_ERR_VALIDATION',
    message: 'body/username must not have fewer than 1 characters'
  })
  const { app: other } = await buildApp(t, {}, {
    before: (app) => { app.setSchemaErrorFormatter(([error], part) => new Error(`${part}: ${error?.keyword} of ${error?.instancePath}`)) }
  })
  t.equal((await other.inject({ method: 'POST', url: '/auth/login', payload })).json().message, 'body: minLength of /username')
})

t.test('a query is text: what a schema wants of it is read from that', async (t) => {
  const { app } = await buildApp(t)
  const browser = new Browser(app)
  await browser.login(ada)
  t.equal((await browser.request('DELETE', '/auth/sessions?others=perhaps')).statusCode, 400)
  t.equal((await browser.request('DELETE', '/auth/sessions?others=true')).statusCode, 204)
  t.equal((await browser.me()).statusCode, 200, 'the session that asks is still there')
  t.equal((await browser.request('DELETE', '/auth/sessions?others=false')).statusCode, 204)
  t.equal((await browser.me()).statusCode, 401)
})

t.test('a route may be given another compiler', async (t) => {
  const { app } = await buildApp(t, { routes: { login: { validatorCompiler: () => (value: { username?: string }) => value.username === 'Ada' ? { value: ada } : { error: new Error('Ada alone') } } } })
  t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: { username: 'Ada' } })).statusCode, 200)
  t.match((await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).json(), { statusCode: 400, message: 'Ada alone' })
})
