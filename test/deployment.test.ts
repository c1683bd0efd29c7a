// docs/deployment.md: its nginx configuration, in a real nginx with https in front of an app; and what one sees where a line of it is missing.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import tokenAuth from 'fastify-token-auth'
import { ada, SECRET, userVerifier } from './fixtures/app.ts'
import { makeCertificate } from './fixtures/client-certificate.ts'
import { findProgram, freePorts, startServer } from './fixtures/servers.ts'

const guide = readFileSync(new URL('../docs/deployment.md', import.meta.url), 'utf8')
const [, configuration = ''] = /```nginx\n(.*?)```/s.exec(guide) ?? []
const nginx = findProgram('nginx', { folders: ['/usr/sbin'], debianPackage: 'nginx', otherwise: 'put it on PATH' })
const { key, cert } = await makeCertificate()

interface Answer { status: number, body: string, headers: Record<string, string | string[] | undefined> }
type Send = (method: string, path: string, headers?: Record<string, string>, body?: object) => Promise<Answer>

/** An app behind nginx. @param change makes the configuration of the guide worse @returns sends requests to nginx, from 127.0.0.2 */
async function deploy (t: Test, change: (configuration: string) => string = (it) => it, trustProxy: string | boolean = '127.0.0.1'): Promise<{ send: Send, origin: string }> {
  const app = Fastify({ trustProxy })
  await app.register(rateLimit, { global: false })
  await app.register(tokenAuth, { secret: SECRET, userVerifier })
  app.get('/api/me', { onRequest: app.authenticate }, ({ auth }) => ({ id: auth.userId }))
  app.get('/api/seen', ({ ip, host, protocol }) => ({ ip, host, protocol }))
  const upstream = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))

  const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
  const [port, plainPort] = await freePorts(2) as [number, number]
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  writeFileSync(join(folder, 'nginx.conf'), `
    daemon off; master_process off; pid ${folder}/pid; error_log stderr;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
      ${change(configuration)
        .replace('127.0.0.1:3000', upstream.host)
        .replace('listen 443', `listen 127.0.0.1:${port}`)
        .replace('listen 80', `listen 127.0.0.1:${plainPort}`)
        .replace('/etc/ssl/app.example.com.pem', `${folder}/cert.pem`)
        .replace('/etc/ssl/app.example.com.key', `${folder}/key.pem`)}
    }`)

  const send: Send = (method, path, headers = {}, body) => new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, localAddress: '127.0.0.2', servername: 'localhost', ca: cert, method, path, headers: { host: `app.example.com:${port}`, ...(body && { 'content-type': 'application/json' }), ...headers } }, async (response) => {
      resolve({ status: response.statusCode as number, body: await text(response), headers: response.headers })
    })
    sent.on('error', reject).end(body && JSON.stringify(body))
  })
  const server = await startServer({ command: nginx, args: ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'], folder, isReady: async () => (await send('GET', '/api/seen')).status === 200 })
  t.teardown(async () => {
    await server.stop()
    await app.close()
  })
  return { send, origin: `https://app.example.com:${port}` }
}

const cookieOf = ({ headers }: Answer) => ({ cookie: headers['set-cookie']?.[0]?.split(';', 1)[0] as string })

t.test('the configuration of the guide', async (t) => {
  const { send, origin } = await deploy(t)

  const login = await send('POST', '/auth/login', { origin }, ada)
  t.equal(login.status, 200)
  t.match(login.headers['set-cookie'], [/^__Host-Http-refresh_token=.+; Path=\/; HttpOnly; Secure; SameSite=Strict$/])
  t.equal(login.headers['strict-transport-security'], 'max-age=31536000')
  const refresh = await send('POST', '/auth/refresh', { origin, ...cookieOf(login) })
  const { accessToken } = JSON.parse(refresh.body)
  t.match(await send('GET', '/api/me', { authorization: `Bearer ${accessToken}` }), { status: 200, body: '{"id":"u-ada"}' })
  t.match(await send('POST', '/auth/refresh', { 'sec-fetch-site': 'cross-site', ...cookieOf(refresh) }), { status: 403 })
  t.match(await send('POST', '/auth/logout', { origin, ...cookieOf(refresh) }), { status: 204 })
  t.match(await send('POST', '/auth/refresh', { origin, ...cookieOf(refresh) }), { status: 401 })

  const seen = { ip: '127.0.0.2', host: new URL(origin).host, protocol: 'https' }
  t.same(JSON.parse((await send('GET', '/api/seen')).body), seen)
  const lies = { 'x-forwarded-for': '203.0.113.6', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }
  t.same(JSON.parse((await send('GET', '/api/seen', lies)).body), seen, 'whatever a client claims')
})

t.test('without Host, or without its port, the page of an old browser is taken for another origin', async (t) => {
  for (const change of [
    (it: string) => it.replace(/proxy_set_header Host .*/, ''),
    (it: string) => it.replace('$http_host', '$host')
  ]) {
    const { send, origin } = await deploy(t, change)
    t.match(await send('POST', '/auth/login', { origin }, ada), { status: 403, body: /CROSS_ORIGIN/ })
    t.match(await send('POST', '/auth/login', { origin, 'sec-fetch-site': 'same-origin' }, ada), { status: 200 }, 'not that of a new one')
  }
})

t.test('without trustProxy all clients are one', async (t) => {
  const { send } = await deploy(t, undefined, false)
  for (let i = 0; i < 20; i++) t.match(await send('POST', '/auth/login', {}, { username: `u${i}`, password: 'wrong' }), { status: 401 })
  t.match(await send('POST', '/auth/login', { 'x-forwarded-for': '203.0.113.7' }, ada), { status: 429 })
  t.match(JSON.parse((await send('GET', '/api/seen')).body), { ip: '127.0.0.1' })
})

t.test('where the proxy adds to what the client claims, and everybody is trusted, the claim is believed', async (t) => {
  const { send } = await deploy(t, (it) => it.replace('$remote_addr', '$proxy_add_x_forwarded_for'), true)
  t.match(JSON.parse((await send('GET', '/api/seen', { 'x-forwarded-for': '203.0.113.8' })).body), { ip: '203.0.113.8' })
})
