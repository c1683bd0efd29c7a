// The recipes of docs/client.md that run in a page, in a real Chromium on a real server: plain page, React, server-side rendering, WebSocket.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { renderPage } from '../examples/client-ssr.ts'
import { build as buildChat } from '../examples/websocket.ts'
import { ada, grace } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { launchChromium } from './fixtures/chromium.ts'
import { startClientApp } from './fixtures/client-app.ts'

const REFRESH = 'POST /auth/refresh'
const examples = fileURLToPath(new URL('../examples/', import.meta.url))

let browser: Browser
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

/** Bundle a script of a page, as its author's bundler would. */
async function bundle (contents: string): Promise<string> {
  const { outputFiles: [file] } = await build({
    stdin: { contents, resolveDir: examples, loader: 'ts' },
    bundle: true,
    format: 'esm',
    conditions: ['@fastify-token-auth/source'],
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false
  })
  if (!file) throw new Error('nothing was bundled')
  return file.text
}

/** Add a script to a server. */
async function serve (app: FastifyInstance, path: string, contents: string): Promise<void> {
  const script = await bundle(contents)
  app.get(path, (request, reply) => { reply.type('text/javascript').send(script) })
}

/** A test in which pages are opened, of which the browser has nothing to complain. */
function recipe (name: string, test: (t: Test, open: (url: string) => Promise<Page>) => Promise<void>): void {
  t.test(name, async (t) => {
    const context = await browser.newContext()
    t.teardown(() => context.close())
    const complaints: string[] = []
    context.on('weberror', (error) => complaints.push(error.error().message))
    context.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')) complaints.push(message.text())
    })
    await test(t, async (url) => {
      const page = await context.newPage()
      await page.goto(url)
      return page
    })
    t.strictSame(complaints, [], 'the browser has nothing to complain of')
  })
}

recipe('plain page', async (t, open) => {
  const server = await startClientApp(t, {
    async before (app) {
      await serve(app, '/client/index.js', "export * from 'fastify-token-auth/client'")
      app.get('/page', (request, reply) => { reply.type('text/html').send(readFileSync(`${examples}client-page.html`)) })
    }
  })
  const page = await open(`${server.origin}/page`)

  await page.getByLabel('Name').fill(ada.username)
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('alert').filter({ hasText: 'Invalid credentials' }).waitFor()
  await page.getByLabel('Password').fill(ada.password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('Signed in as u-ada').waitFor()
  t.notOk(await page.getByLabel('Name').isVisible())

  server.pass(61)
  await page.getByRole('button', { name: 'Call the API' }).click()
  await page.getByText('200 {"id":"u-ada"}').waitFor()

  await page.context().setOffline(true)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('alert').filter({ hasText: 'could not be reached' }).waitFor()
  t.ok(await page.getByText('Signed in as u-ada').isVisible(), 'still signed in, and it says so')
  await page.context().setOffline(false)

  const second = await open(`${server.origin}/page`)
  await second.getByText('Signed in as u-ada').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  for (const tab of [page, second]) await tab.getByLabel('Name').waitFor()
  t.notMatch(await page.locator('body').innerHTML(), /u-ada/, 'nothing private is left, not even hidden')
})

recipe('React: the hook follows, also what happens in another tab', async (t, open) => {
  const script = `
    import { createElement } from 'react'
    import { createRoot } from 'react-dom/client'
    import { auth, useAuth, useRestoredSession } from './client-react.ts'
    let renderings = 0
    function App () {
      useRestoredSession()
      const { state, claims } = useAuth()
      renderings++
      return createElement('p', null, state + ' ' + (claims?.sub ?? 'nobody'))
    }
    createRoot(document.getElementById('root')).render(createElement(App))
    Object.assign(globalThis, { auth, count: () => renderings })`
  const server = await startClientApp(t, {
    async before (app) {
      await serve(app, '/app.js', script)
      app.get('/react', (request, reply) => { reply.type('text/html').send('<!doctype html><title>React</title><div id="root"></div><script type="module" src="/app.js"></script>') })
    }
  })
  const page = await open(`${server.origin}/react`)
  await page.getByText('signed-out nobody').waitFor()
  await page.evaluate(`auth.login(${JSON.stringify(ada)})`)
  await page.getByText('signed-in u-ada').waitFor()

  const second = await open(`${server.origin}/react`)
  await second.getByText('signed-in u-ada').waitFor()
  await second.evaluate(`auth.login(${JSON.stringify(grace)})`)
  await page.getByText('signed-in u-grace').waitFor()
  t.ok(Number(await page.evaluate('count()')) < 10, 'no rendering without a change')
  await second.evaluate('auth.logout()')
  await page.getByText('signed-out nobody').waitFor()
})

recipe('server-side rendering: the server refreshes nothing, the browser takes over and refreshes once', async (t, open) => {
  const server = await startClientApp(t, {
    async before (app) {
      await serve(app, '/app.js', `
        import { createElement } from 'react'
        import { hydrateRoot } from 'react-dom/client'
        import { App } from './client-ssr.ts'
        import { auth } from './client-react.ts'
        Object.assign(globalThis, { auth })
        hydrateRoot(document.getElementById('root'), createElement(App))`)
      app.get('/ssr', (request, reply) => { reply.type('text/html').send(renderPage('/app.js')) })
    }
  })
  const html = await (await server.app.inject('/ssr')).body
  t.match(html, 'One moment …')
  t.equal(server.count(REFRESH), 0)

  const page = await open(`${server.origin}/ssr`)
  await page.getByText('Please log in').waitFor()
  await page.evaluate(`auth.login(${JSON.stringify(ada)})`)
  await page.reload()
  await page.getByText('Hello u-ada').waitFor()
  t.equal(server.count(REFRESH), 2, 'one for each page load')
})

recipe('WebSocket: with a fresh token, a new one before that expires, and again after it was cut off', async (t, open) => {
  const chat = await buildChat({ accessTokenLife: '2s' })
  await serve(chat, '/app.js', `
    import { createAuthClient } from 'fastify-token-auth/client'
    import { openSocket } from './client-websocket.ts'
    const auth = createAuthClient()
    const messages = []
    const open = () => openSocket(auth, location.origin.replace('http', 'ws') + '/chat', (message) => { messages.push(message) })
    Object.assign(globalThis, { auth, messages, open })`)
  chat.get('/page', (request, reply) => { reply.type('text/html').send('<!doctype html><title>Chat</title><script type="module" src="/app.js"></script>') })
  const origin = await chat.listen({ host: '127.0.0.1', port: 0 })
  const page = await open(`${origin}/page`)
  t.teardown(async () => {
    // first the browser: a server that closes waits for every connection, also for one that the browser opened in advance
    await page.context().close()
    await chat.close()
  })
  await page.waitForFunction('globalThis.auth')
  await page.evaluate("auth.login({ username: 'ada', password: 'analytical-engine' })")
  await page.evaluate('Object.assign(globalThis, { socket: open() })')
  const greetings = (count: number) => page.waitForFunction(`messages.length >= ${count}`)
  await greetings(3)
  t.equal(chat.websocketServer.clients.size, 1, 'three tokens on one connection')
  t.equal(await page.evaluate("socket.send({ text: 'hello' })"), true)
  await page.waitForFunction("messages.some(({ text }) => text === 'hello')")

  const reconnected = once(chat.websocketServer, 'connection')
  for (const client of chat.websocketServer.clients) client.close(4401, 'come back')
  await reconnected
  await page.waitForFunction('messages.slice(messages.findIndex(({ text }) => text) + 1).some(({ userId }) => userId === auth.claims.sub)')

  await page.evaluate('auth.logout()')
  await page.evaluate('socket.close()')
  t.equal(await page.evaluate("socket.send({ text: 'hello' })"), false)
  while (chat.websocketServer.clients.size > 0) await new Promise((resolve) => { setImmediate(resolve) })
})
