// Every answer of the auth routes is kept by nobody: no-store, whatever the status; but the key set may be.
import { generateKeyPairSync } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import t from 'tap'
import { ada, buildApp } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'
import { CountingStore } from './fixtures/counting-store.ts'

t.test('no-store on every answer of every route', async (t) => {
  const store = new CountingStore()
  let broken = false
  const { app } = await buildApp(t, {
    refreshTokenStore: store,
    describeSession () {
      if (broken) throw new Error('nobody foresaw this')
      return {}
    }
  }, { before: (app) => app.register(rateLimit, { global: false }) })
  const browser = new Browser(app)
  const seen = new Set<string>()
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, options = {}) => {
    const { statusCode, headers } = await browser.request(method, url, options)
    seen.add(`${statusCode} ${method} ${url}`)
    t.equal(headers['cache-control'], 'no-store', `${statusCode} ${method} ${url}`)
    t.equal(headers['vary'], 'Origin, Sec-Fetch-Site')
  }

  await ask('POST', '/auth/login', { payload: ada })
  for (const url of ['/auth/login', '/auth/refresh', '/auth/logout']) {
    await ask('POST', url, { payload: '{', headers: { 'content-type': 'application/json' } })
    await ask('POST', url, { payload: 'x', headers: { 'content-type': 'text/plain' } })
    await ask('POST', url, { payload: JSON.stringify({ x: 'x'.repeat(2 ** 20) }), headers: { 'content-type': 'application/json' } })
    await ask('POST', url, { headers: { 'sec-fetch-site': 'cross-site' } })
  }
  await ask('POST', '/auth/login', { payload: '[]', headers: { 'content-type': 'application/json' } })
  await ask('POST', '/auth/login', { payload: { ...ada, password: 'x' } })
  await ask('POST', '/auth/refresh')
  await ask('GET', '/auth/sessions')
  await ask('DELETE', '/auth/sessions/x')
  await ask('DELETE', '/auth/sessions?others=maybe')
  await ask('DELETE', '/auth/sessions')
  await ask('POST', '/auth/refresh')
  await ask('POST', '/auth/logout')
  browser.accessToken = undefined
  await ask('GET', '/auth/sessions')
  broken = true
  await ask('POST', '/auth/login', { payload: ada })
  broken = false
  store.create = async () => { throw new Error('connection refused') }
  await ask('POST', '/auth/login', { payload: ada })
  for (let i = 0; i < 20; i++) await ask('POST', '/auth/login', { payload: ada })

  t.same([...new Set([...seen].map((line) => Number(line.slice(0, 3))))].sort(), [200, 204, 400, 401, 403, 404, 413, 415, 429, 500, 503], 'all of this was seen')
})

t.test('the public keys may be kept', async (t) => {
  const { app } = await buildApp(t, { secret: generateKeyPairSync('ed25519') })
  t.match((await app.inject('/auth/jwks.json')).headers['cache-control'], /max-age=\d+/)
})
