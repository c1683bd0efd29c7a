// A caller who aborts stops waiting at once, and stops nobody else's refresh.
import t, { type Test } from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { orAbort } from '../lib/client/abort.ts'
import { createAuthRoutes } from '../lib/client/routes.ts'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

async function withExpiredToken (t: Test) {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await auth.login({ username: 'ada', password: 'right' })
  server.expireTokens()
  return { server, auth }
}

t.test('while the request is under way', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  const { reached, release } = server.hold('GET /api/me')
  const stop = new AbortController()
  const call = auth.fetch('/api/me', { signal: stop.signal })
  await reached
  stop.abort()
  await t.rejects(call, { name: 'AbortError' })
  release()
})

t.test('while the refresh is under way: the others get their answers, by that one refresh', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  const { reached, release } = server.hold('POST /auth/refresh')
  const stop = new AbortController()
  const impatient = auth.fetch('/api/me', { signal: stop.signal })
  const patient = auth.fetch('/api/me')
  await reached
  stop.abort(new Error('enough'))
  await t.rejects(impatient, { message: 'enough' }, 'the caller\'s own reason')
  release()
  t.equal((await patient).status, 200)
  t.equal(server.count('POST /auth/refresh'), 1)
})

t.test('while the repeated request is under way', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  const stop = new AbortController()
  let calls = 0
  server.answer('GET /api/me', () => {
    if (++calls === 2) stop.abort()
    return undefined
  })
  await t.rejects(auth.fetch('/api/me', { signal: stop.signal }), { name: 'AbortError' })
  t.equal(calls, 2)
})

t.test('a signal that is aborted already sends nothing', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  await t.rejects(auth.fetch('/api/me', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  t.equal(server.count('GET /api/me'), 0)
})

t.test('a signal that is aborted already does not wait for an early refresh', async (t) => {
  const server = await startServer(t)
  server.liveFor(0)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar(), refreshEarly: 60, timeout: 300 })
  await auth.login({ username: 'ada', password: 'right' })
  const { reached, release } = server.hold('POST /auth/refresh')
  await t.rejects(auth.fetch('/api/me', { signal: AbortSignal.abort() }), { name: 'AbortError' })
  t.equal(server.count('GET /api/me'), 0)
  await reached
  release()
})

t.test('the signal of a Request', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  const { reached, release } = server.hold('POST /auth/refresh')
  const stop = new AbortController()
  const call = auth.fetch(new Request(`${server.url}/api/me`, { signal: stop.signal }))
  await reached
  stop.abort()
  await t.rejects(call, { name: 'AbortError' })
  release()
})

t.test('where signals have no reason, as in React Native', async (t) => {
  t.intercept(AbortSignal.prototype, 'reason', { value: undefined })
  const { server, auth } = await withExpiredToken(t)
  const { reached, release } = server.hold('POST /auth/refresh')
  const stop = new AbortController()
  const call = auth.fetch('/api/me', { signal: stop.signal })
  await reached
  stop.abort()
  await t.rejects(call, { name: 'AbortError', message: 'Aborted' })
  release()
})

t.test('a signal that lives long keeps no listener of what is done', async (t) => {
  /** A signal whose listeners are counted. */
  function watched () {
    const { signal } = new AbortController()
    const listeners = new Set<unknown>()
    let added = 0
    return Object.assign(signal, {
      addEventListener (type: string, listener: () => void) {
        added++
        listeners.add(listener)
        AbortSignal.prototype.addEventListener.call(signal, type, listener)
      },
      removeEventListener (type: string, listener: () => void) {
        listeners.delete(listener)
        AbortSignal.prototype.removeEventListener.call(signal, type, listener)
      },
      counts: () => ({ added, left: listeners.size })
    })
  }

  t.test('of work that a caller waited for', async (t) => {
    const signal = watched()
    t.equal(await orAbort(Promise.resolve('done'), signal), 'done')
    await t.rejects(orAbort(Promise.reject(new Error('failed')), signal), { message: 'failed' })
    t.same(signal.counts(), { added: 2, left: 0 })
  })

  t.test('of a refresh', async (t) => {
    const server = await startServer(t)
    const send = createJar()
    const routes = createAuthRoutes({ baseUrl: server.url, prefix: '/auth', send, storage: undefined, timeout: 10_000 })
    await routes.login({ username: 'ada', password: 'right' })
    const signal = watched()
    t.ok(await routes.refresh(signal))
    server.answer('POST /auth/refresh', () => ({ status: 500 }))
    await t.rejects(routes.refresh(signal), { code: 'UNEXPECTED_ANSWER' })
    t.same(signal.counts(), { added: 2, left: 0 })
  })
})
