// The recipes of docs/client.md that need no browser, on a real server: axios, ky, TanStack Query, Node.js and React Native.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAxiosError } from 'axios'
import { AuthError, createAuthClient } from 'fastify-token-auth/client'
import { HTTPError } from 'ky'
import t, { type Test } from 'tap'
import { createApi as createAxiosApi } from '../examples/client-axios.ts'
import { createApi as createKyApi } from '../examples/client-ky.ts'
import { createCommandClient } from '../examples/client-node.ts'
import { createAppClient } from '../examples/client-react-native.ts'
import { createQueryClient } from '../examples/client-tanstack-query.ts'
import { ada, grace } from './fixtures/app.ts'
import { startClientApp, type ClientAppOptions } from './fixtures/client-app.ts'
import { createJar } from './fixtures/client-jar.ts'

const REFRESH = 'POST /auth/refresh'
const NATIVE: ClientAppOptions = { plugin: { refreshToken: { transport: 'both' } } }

async function signedIn (t: Test, options: ClientAppOptions = {}) {
  const server = await startClientApp(t, { host: '127.0.0.1', ...options })
  const jar = createJar()
  const auth = createAuthClient({ baseUrl: server.origin, fetch: jar })
  await auth.login(ada)
  return { server, auth, jar }
}

t.test('axios', async (t) => {
  const { server, auth } = await signedIn(t)
  const api = createAxiosApi(auth, server.origin)
  server.pass(61)
  t.strictSame((await api.get('/api/me')).data, { id: 'u-ada' })
  server.pass(61)
  t.match((await api.post('/api/echo', { a: 1 })).data, { text: '{"a":1}', contentType: /json/ })
  t.equal(server.count(REFRESH), 2)
  const error: unknown = await api.get('/api/own-401').catch((error: unknown) => error)
  t.ok(isAxiosError(error) && error.response?.status === 401)

  const stop = new AbortController()
  const call = api.get('/api/me', { signal: stop.signal })
  stop.abort()
  await t.rejects(call, { name: 'CanceledError' })
})

t.test('ky', async (t) => {
  const { server, auth } = await signedIn(t)
  const api = createKyApi(auth, server.origin)
  server.pass(61)
  t.strictSame(await api.get('api/me').json(), { id: 'u-ada' })
  server.pass(61)
  t.match(await api.post('api/echo', { json: { a: 1 } }).json(), { text: '{"a":1}', contentType: /json/ })
  t.equal(server.count(REFRESH), 2)
  await t.rejects(api.get('api/own-401'), HTTPError)
})

t.test('TanStack Query', async (t) => {
  let busy = 2
  const { server, auth, jar } = await signedIn(t, {
    before (app) {
      app.get('/api/busy', (request, reply) => busy-- > 0 ? reply.code(503).header('retry-after', '7').send({}) : { done: true })
      app.get('/api/too-large', (request, reply) => reply.code(431).send({}))
      app.get<{ Params: { name: string } }>('/api/files/:name', ({ params }) => params)
    }
  })
  const queries = createQueryClient(auth)
  t.teardown(() => queries.clear())
  server.pass(61)
  t.strictSame(await queries.fetchQuery({ queryKey: ['/api', 'me'] }), { id: 'u-ada' })
  t.equal(server.count(REFRESH), 1)

  t.test('what may pass is tried again, what may not is not', async (t) => {
    let failures = 2
    const flaky = createAuthClient({ baseUrl: server.origin, fetch: async (request) => request.url.endsWith('/me') && failures-- > 0 ? fetch('http://127.0.0.1:1/') : jar(request) })
    const patient = createQueryClient(flaky)
    t.teardown(() => patient.clear())
    const { retryDelay, ...rest } = patient.getDefaultOptions().queries ?? {}
    patient.setDefaultOptions({ queries: { ...rest, retryDelay: 0 } })
    t.strictSame(await patient.fetchQuery({ queryKey: ['/api', 'me'] }), { id: 'u-ada' })

    await t.rejects(patient.fetchQuery({ queryKey: ['/api', 'own-401'] }), { message: 'The server answered 401' })
    t.equal(server.count('GET /api/own-401'), 1)

    t.strictSame(await patient.fetchQuery({ queryKey: ['/api', 'busy'] }), { done: true }, "the API's own 503")
    await t.rejects(patient.fetchQuery({ queryKey: ['/api', 'too-large'] }), { name: 'AuthError', message: 'The server answered 431', status: 431 })
    t.equal(server.count('GET /api/too-large'), 1)

    const delay = retryDelay as (count: number, error: Error) => number
    t.equal(delay(1, new AuthError('NO_ANSWER', 'x')), 2000)
    t.equal(delay(1, new AuthError('x', 'x', { status: 503, retryAfter: 7 })), 7000, 'as the server has asked for')
    busy = 1
    await t.rejects(patient.fetchQuery({ queryKey: ['/api/busy'], retry: false }), { name: 'AuthError', message: 'The server answered 503', status: 503, retryAfter: 7 })
  })

  t.test('a part of a key is one part of the path', async (t) => {
    const files = createQueryClient(auth)
    t.teardown(() => files.clear())
    t.strictSame(await files.fetchQuery({ queryKey: ['/api/files', '../me?x'] }), { name: '../me?x' })
  })

  t.test('the cache is empty when somebody else logs in, and when the person logs out', async (t) => {
    await auth.restore()
    t.equal(queries.getQueryCache().getAll().length, 1, 'a refresh empties nothing')
    await auth.login(grace)
    t.equal(queries.getQueryCache().getAll().length, 0)
    await queries.fetchQuery({ queryKey: ['/api', 'me'] })
    await auth.logout()
    t.equal(queries.getQueryCache().getAll().length, 0)
  })
})

t.test('Node.js: the token in a file', async (t) => {
  const server = await startClientApp(t, { ...NATIVE, host: '127.0.0.1' })
  const folder = mkdtempSync(join(tmpdir(), 'command-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'token')
  t.equal(await createCommandClient(server.origin, path).restore(), 'signed-out')
  await createCommandClient(server.origin, path).login(ada)
  t.equal(statSync(path).mode & 0o777, 0o600, 'nobody else reads it')
  const first = readFileSync(path, 'utf8')

  const later = createCommandClient(server.origin, path)
  t.strictSame(await (await later.fetch('/api/me')).json(), { id: 'u-ada' })
  t.not(readFileSync(path, 'utf8'), first)
  await later.logout()
  t.throws(() => statSync(path), { code: 'ENOENT' })

  mkdirSync(path)
  await t.rejects(createCommandClient(server.origin, path).restore(), { code: 'EISDIR' }, 'what cannot be read is not taken for missing')
})

t.test('React Native: the token in the keychain', async (t) => {
  const server = await startClientApp(t, { ...NATIVE, host: '127.0.0.1' })
  const items = new Map<string, string>()
  const keychain = {
    getItemAsync: async (key: string) => items.get(key) ?? null,
    setItemAsync: async (key: string, value: string) => { items.set(key, value) },
    deleteItemAsync: async (key: string) => { items.delete(key) }
  }
  await createAppClient(server.origin, keychain).login(ada)
  const restarted = createAppClient(server.origin, keychain)
  t.equal(await restarted.restore(), 'signed-in')
  await restarted.logout()
  t.equal(items.size, 0)
})
