// Whatever a request carries arrives whole, also when it is sent twice.
import t, { type Test } from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

async function withExpiredToken (t: Test) {
  const server = await startServer(t)
  const auth = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await auth.login({ username: 'ada', password: 'right' })
  server.expireTokens()
  return { server, auth }
}

function form (): FormData {
  const data = new FormData()
  data.set('title', 'Ünïcode')
  data.set('file', new Blob(['contents of the file']), 'file.txt')
  return data
}

const bodies: { name: string, body: () => BodyInit, arrives: string | RegExp, contentType: RegExp }[] = [
  { name: 'JSON', body: () => JSON.stringify({ a: 1 }), arrives: '{"a":1}', contentType: /^application\/json$/ },
  { name: 'a form', body: form, arrives: /Ünïcode[^]*contents of the file/, contentType: /^multipart\/form-data/ },
  { name: 'a URL-encoded form', body: () => new URLSearchParams({ a: '1' }), arrives: 'a=1', contentType: /urlencoded/ },
  { name: 'a blob', body: () => new Blob(['blob'], { type: 'text/csv' }), arrives: 'blob', contentType: /^text\/csv$/ },
  { name: 'bytes', body: () => new TextEncoder().encode('bytes'), arrives: 'bytes', contentType: /octet-stream/ },
  { name: 'a stream', body: () => new Blob(['from ', 'a stream']).stream() as ReadableStream, arrives: 'from a stream', contentType: /octet-stream/ }
]
for (const { name, body, arrives, contentType } of bodies) {
  t.test(`${name} is sent again after a refresh`, async (t) => {
    const { server, auth } = await withExpiredToken(t)
    const headers = name === 'JSON' ? { 'content-type': 'application/json' } : name === 'bytes' || name === 'a stream' ? { 'content-type': 'application/octet-stream' } : {}
    const response = await auth.fetch('/api/things', { method: 'POST', body: body(), headers, duplex: 'half' } as RequestInit)
    const told = await response.json() as { body: string, contentType: string }
    t.equal(response.status, 200)
    t.match(told.body, arrives)
    t.match(told.contentType, contentType)
    t.equal(server.count('POST /api/things'), 2)
  })
}

t.test('a Request is sent as it is, method, headers and body', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  const request = new Request(`${server.url}/api/things/1`, { method: 'PUT', body: 'from a Request', headers: { 'x-own': 'yes' } })
  t.match(await (await auth.fetch(request)).json(), { body: 'from a Request', route: 'PUT /api/things/1' })
  t.equal(server.last('PUT /api/things/1').headers['x-own'], 'yes')
  t.notOk(request.headers.has('authorization'), 'the caller\'s own object gets no token')
})

t.test('init goes over the Request, as in fetch', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  await auth.fetch(new Request(`${server.url}/api/things`), { method: 'DELETE' })
  t.equal(server.count('DELETE /api/things'), 2)
})

t.test('a body that is used up is refused before anything is sent', async (t) => {
  const { server, auth } = await withExpiredToken(t)
  const sent = server.requests
  const used = new Request(`${server.url}/api/things`, { method: 'POST', body: 'x' })
  await used.text()
  await t.rejects(auth.fetch(used), { name: 'TypeError', message: /used/ })

  const locked = new Blob(['x']).stream() as ReadableStream
  locked.getReader()
  await t.rejects(auth.fetch('/api/things', { method: 'POST', body: locked, duplex: 'half' } as RequestInit), TypeError)
  t.equal(server.requests, sent)
})
