// A WebSocket lives as long as the access token: it needs one first, takes the next one, and ends with the session.
import { once } from 'node:events'
import type { WebSocket } from '@fastify/websocket'
import { decodeJwt } from 'jose'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { build } from '../examples/websocket.ts'
import { minutes, TestClock } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { Browser } from './fixtures/browser.ts'
import { launchChromium } from './fixtures/chromium.ts'

const ADA = { username: 'ada', password: 'analytical-engine' }
const GRACE = { username: 'grace', password: 'eleven-inches-of-wire' }

async function start (t: Test, options: Parameters<typeof build>[0] = {}) {
  const app = await build(options)
  t.teardown(() => app.close())
  await app.ready()
  return app
}

type App = Awaited<ReturnType<typeof start>>

/** A connection, and what the server says on it, in order. */
async function connect (t: Test, app: App) {
  const heard: Array<Record<string, string>> = []
  const socket: WebSocket = await app.injectWS('/chat', {}, {
    onInit (socket) { socket.on('message', (data) => { heard.push(JSON.parse(String(data))) }) }
  })
  t.teardown(() => { socket.terminate() })
  return {
    heard,
    say: (message: object) => { socket.send(JSON.stringify(message)) },
    async next () {
      while (heard.length === 0) await once(socket, 'message')
      return heard.shift()
    },
    async closed () {
      const [code, reason] = await once(socket, 'close') as [number, Buffer]
      return [code, String(reason)]
    },
    socket
  }
}

async function login (app: App, credentials: object): Promise<Browser> {
  const browser = new Browser(app)
  await browser.login(credentials)
  return browser
}

t.test('the token comes first, then everybody hears everybody', async (t) => {
  const app = await start(t)
  const [ada, grace] = [await login(app, ADA), await login(app, GRACE)]
  const [one, two] = [await connect(t, app), await connect(t, app)]
  one.say({ token: ada.accessToken })
  two.say({ token: grace.accessToken })
  t.match(await one.next(), { userId: 'p-1815', expiresAt: /^\d{4}-.+Z$/ })
  t.match(await two.next(), { userId: 'p-1906' })
  one.say({ text: 'hello' })
  t.same(await two.next(), { from: 'p-1815', text: 'hello' })
  t.same(await one.next(), { from: 'p-1815', text: 'hello' })
})

t.test('who is not authorized is hung up on, and hears nothing', async (t) => {
  const app = await start(t)
  const [ada, grace] = [await login(app, ADA), await login(app, GRACE)]
  const refreshToken = [...ada.cookies.values()][0]
  for (const [name, ...messages] of [
    ['text before the token', { text: 'hello' }],
    ['a forged token', { token: `${ada.accessToken}x` }],
    ['a refresh token', { token: refreshToken }],
    ['no string', { token: 1 }],
    ['null', null],
    ['the token of somebody else', { token: ada.accessToken }, { token: grace.accessToken }]
  ] as Array<[string, ...object[]]>) {
    const connection = await connect(t, app)
    const closed = connection.closed()
    for (const message of messages) connection.say(message)
    t.same(await closed, [4401, 'not authorized'], name)
    t.equal(connection.heard.length, messages.length - 1, name)
  }
})

t.test('the cookie alone opens nothing', async (t) => {
  const app = await start(t, { patience: 20 })
  const ada = await login(app, ADA)
  const cookie = [...ada.cookies].map((pair) => pair.join('=')).join('; ')
  const socket: WebSocket = await app.injectWS('/chat', { headers: { cookie } } as object)
  const [code, reason] = await once(socket, 'close') as [number, Buffer]
  t.same([code, String(reason)], [4401, 'no token'])
})

t.test('it closes when the token expires, unless a fresh one has come', async (t) => {
  const clock = new TestClock()
  const app = await start(t, { clock: clock.now })
  const ada = await login(app, ADA)
  const first = ada.accessToken as string
  clock.advance(minutes(10))
  await ada.refresh()
  const second = ada.accessToken as string
  clock.time = (decodeJwt(first).exp as number) * 1000 - 50

  const [one, two] = [await connect(t, app), await connect(t, app)]
  const closed = one.closed()
  two.say({ token: first })
  two.say({ token: second })
  one.say({ token: first })
  t.same(await closed, [4401, 'token expired'])
  await two.next()
  await two.next()
  two.say({ text: 'still here' })
  t.match(await two.next(), { text: 'still here' })
})

t.test('log-out and revocation hang up, and on nobody else', async (t) => {
  const app = await start(t)
  const [ada, phone, grace] = [await login(app, ADA), await login(app, ADA), await login(app, GRACE)]
  const connections = await Promise.all([ada, phone, grace].map(async ({ accessToken }) => {
    const connection = await connect(t, app)
    connection.say({ token: accessToken })
    await connection.next()
    return connection
  })) as [Connection, Connection, Connection]

  const closed = connections[0].closed()
  await ada.logout()
  t.same(await closed, [4401, 'logged out'])
  connections[2].say({ text: 'still here' })
  t.match(await connections[1].next(), { text: 'still here' })

  const revoked = connections[1].closed()
  await app.tokenAuth.revokeUser('p-1815')
  t.same(await revoked, [4401, 'logged out'])
  connections[2].say({ text: 'and now?' })
  await connections[2].next()
  t.match(await connections[2].next(), { text: 'and now?' })
})

type Connection = Awaited<ReturnType<typeof connect>>

/** The page in a browser of its own, with ada logged in and connected. */
async function openPage (t: Test, app: App): Promise<Page> {
  const { port } = new URL(await app.listen({ port: 0 }))
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  await page.clock.install()
  await page.goto(`http://localhost:${port}/`)
  await page.getByLabel('Name').fill(ADA.username)
  await page.getByLabel('Password').fill(ADA.password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('expiresAt').waitFor()
  return page
}

t.test('the page: log in, chat, log out', async (t) => {
  const page = await openPage(t, await start(t))
  await page.getByLabel('Message').fill('hello')
  await page.getByRole('button', { name: 'Say' }).click()
  await page.getByText('{"from":"p-1815","text":"hello"}').waitFor()
  t.same(await page.evaluate(() => ({ ...localStorage, ...sessionStorage })), {}, 'the token is in memory only')
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('button', { name: 'Log in' }).waitFor()
  t.notOk(await page.getByRole('button', { name: 'Say' }).isVisible())
})

t.test('the page stays connected beyond the life of a token, with one refresh for each, however often it was cut off', async (t) => {
  const app = await start(t)
  const page = await openPage(t, app)
  const tokens = (count: number) => page.getByText(new RegExp(`(expiresAt.*\\n.*){${count}}`)).waitFor()
  for (const count of [2, 3, 4]) {
    for (const client of app.websocketServer.clients) client.close(1001)
    while (app.websocketServer.clients.size > 0) await new Promise((resolve) => { setImmediate(resolve) })
    await page.clock.runFor(30_000)
    await tokens(count)
  }
  let refreshes = 0
  page.on('request', (request) => { if (request.url().endsWith('/auth/refresh')) refreshes++ })
  await page.clock.runFor(minutes(15) * 0.8)
  await tokens(5)
  t.equal(refreshes, 1)
})

t.test('a server that cannot say who is logged in has not said that nobody is: the page asks again', async (t) => {
  const page = await openPage(t, await start(t))
  await page.route('**/auth/refresh', (route) => route.fulfill({ status: 503, headers: { 'retry-after': '5' }, json: { message: 'Try again' } }))
  await page.reload()
  await page.getByRole('status').filter({ hasText: 'Try again' }).waitFor()
  t.notOk(await page.getByRole('button', { name: 'Log in' }).isVisible())
  await page.unroute('**/auth/refresh')
  await page.clock.runFor(5_000)
  await page.getByText('expiresAt').waitFor()
})
