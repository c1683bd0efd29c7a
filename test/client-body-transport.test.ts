// Native apps and scripts keep the refresh token themselves: transport 'body'.
import t from 'tap'
import { createAuthClient, type TokenStorage } from 'fastify-token-auth/client'
import { ada as lovelace, buildApp } from './fixtures/app.ts'
import { becomePage } from './fixtures/client-browser-globals.ts'
import { startServer } from './fixtures/client-server.ts'

const ada = { username: 'ada', password: 'right' }

/** A storage as slow as a keychain, and what it holds. */
function createKeychain (kept: string | null = null) {
  const keychain: TokenStorage & { kept: string | null, isBroken: boolean } = {
    kept,
    isBroken: false,
    async get () { return keychain.kept },
    async set (token: string | null) {
      await new Promise((resolve) => { setImmediate(resolve) })
      if (keychain.isBroken) throw new Error('keychain locked')
      keychain.kept = token
    }
  }
  return keychain
}

t.test('log-in asks for the token in the body; refresh and log-out send it there', async (t) => {
  const server = await startServer(t)
  const storage = createKeychain()
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', storage })
  await auth.login(ada)
  t.equal(server.last('POST /auth/login').headers['token-transport'], 'body')
  const first = storage.kept
  t.type(first, 'string')

  server.expireTokens()
  t.equal((await auth.fetch('/api/me')).status, 200)
  t.equal(server.last('POST /auth/refresh').body, JSON.stringify({ refreshToken: first }))
  t.not(storage.kept, first)

  await auth.logout()
  t.equal(storage.kept, null)
  t.equal(auth.state, 'signed-out')
})

t.test('the app starts again: restore with what was kept', async (t) => {
  const server = await startServer(t)
  const storage = createKeychain()
  await createAuthClient({ baseUrl: server.url, transport: 'body', storage }).login(ada)
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', storage })
  t.equal(await auth.restore(), 'signed-in')
  t.equal(auth.claims?.sub, 'ada')
})

t.test('nothing was kept, or it is of no use any more: signed out, and the storage is empty', async (t) => {
  const server = await startServer(t)
  for (const kept of [null, 'gone.token']) {
    const storage = createKeychain(kept)
    t.equal(await createAuthClient({ baseUrl: server.url, transport: 'body', storage }).restore(), 'signed-out')
    t.equal(storage.kept, null)
  }
})

t.test('without a storage, the token is kept in memory', async (t) => {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body' })
  await auth.login(ada)
  t.equal(await auth.restore(), 'signed-in')
  await auth.logout()
  t.equal(await auth.restore(), 'signed-out')
})

t.test('an answer without a refresh token, as to a straggler, leaves the kept one alone', async (t) => {
  const server = await startServer(t)
  const storage = createKeychain()
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', storage })
  await auth.login(ada)
  const { kept } = storage
  server.answer('POST /auth/refresh', (received) => {
    const { body } = server.usual('POST /auth/refresh', JSON.parse(received.body) as object)
    return { status: 200, body: { ...body as object, refreshToken: undefined } }
  })
  t.equal(await auth.restore(), 'signed-in')
  t.equal(storage.kept, kept)
})

t.test('a failure keeps the token', async (t) => {
  const server = await startServer(t)
  const storage = createKeychain()
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', storage })
  await auth.login(ada)
  const { kept } = storage
  server.answer('POST /auth/refresh', () => ({ status: 503 }))
  server.answer('POST /auth/logout', () => ({ status: 503 }))
  await t.rejects(auth.restore(), { name: 'AuthError', status: 503 })
  await t.rejects(auth.logout(), { name: 'AuthError', status: 503 })
  t.equal(storage.kept, kept)
})

t.test('a storage that fails is told as it is, and the next refresh makes up for it', async (t) => {
  const server = await startServer(t)
  const storage = createKeychain()
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', storage })
  await auth.login(ada)
  storage.isBroken = true
  await t.rejects(auth.restore(), { message: 'keychain locked' })
  t.equal(auth.state, 'signed-in')
  storage.isBroken = false
  t.equal(await auth.restore(), 'signed-in')
})

t.test('log in as somebody else while a refreshed token is being kept: the last one stays', async (t) => {
  const server = await startServer(t)
  const storage = createKeychain()
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', storage })
  await auth.login(ada)
  const events: string[] = []
  auth.subscribe((state, { type }) => events.push(type))
  const { set } = storage
  const login = new Promise<void>((resolve) => {
    storage.set = (token) => {
      storage.set = set
      resolve(auth.login({ username: 'bob', password: 'right' }))
      return set(token)
    }
  })
  await Promise.all([auth.restore(), login])
  t.strictSame(events, ['login'], 'nothing of the late answer')
  t.equal(await auth.restore(), 'signed-in')
  t.equal(auth.claims?.sub, 'bob')
})

t.test('no cookie is sent or expected', async (t) => {
  const server = await startServer(t)
  const sent: Request[] = []
  const auth = createAuthClient({ baseUrl: server.url, transport: 'body', fetch: (request) => { sent.push(request); return fetch(request) } })
  await auth.login(ada)
  await auth.restore()
  await auth.logout()
  t.strictSame(sent.map(({ credentials }) => credentials), ['omit', 'omit', 'omit'])
})

t.test('two clients of one process are two people, also in a page', async (t) => {
  becomePage(t)
  const server = await startServer(t)
  const clients = ['ada', 'bob'].map(() => createAuthClient({ baseUrl: server.url, transport: 'body' }))
  await Promise.all(clients.map((auth, index) => auth.login({ username: ['ada', 'bob'][index] ?? '', password: 'right' })))
  await Promise.all(clients.map((auth) => auth.restore()))
  t.strictSame(clients.map(({ claims }) => claims?.sub), ['ada', 'bob'])
  await clients[0]?.logout()
  // what is told on a channel is heard after the answer to a request that was made later
  await clients[1]?.fetch('/api/me')
  t.equal(clients[1]?.state, 'signed-in')
})

t.test('a server that keeps refresh tokens in cookies is found out at log-in, not when the first token expires', async (t) => {
  const { app } = await buildApp(t)
  const storage = createKeychain()
  const auth = createAuthClient({ baseUrl: await app.listen({ host: '127.0.0.1', port: 0 }), transport: 'body', storage })
  await t.rejects(auth.login(lovelace), { code: 'UNEXPECTED_ANSWER', message: /transport "body" or "both"/ })
  t.equal(auth.state, 'unknown')
})
