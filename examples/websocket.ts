// A WebSocket that lives as long as the access token: npx tsx --conditions=@fastify-token-auth/source examples/websocket.ts
//
// Log in as ada with the password analytical-engine.
import { randomBytes } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import websocket, { type WebSocket } from '@fastify/websocket'
import Fastify from 'fastify'
import tokenAuth, { type Auth } from 'fastify-token-auth'
import { serveScripts } from './page-scripts.ts'
import { createUserVerifier } from './users.ts'

/** Close codes from 4000 on are the app's own (RFC 6455 section 7.4.2); this one says: come back with a good token. */
const UNAUTHORIZED = 4401

/** How long a connection may stay without a token. */
const PATIENCE = 5000

/** What clients send: `{ token }` first and again before it expires, `{ text }` whenever they like. */
interface ClientMessage { token?: string, text?: string }

export async function build ({ accessTokenLife = '15m', patience = PATIENCE, clock = Date.now } = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  const chatting = new Map<WebSocket, Auth>()

  await app.register(websocket, { options: { maxPayload: 16 * 1024 } })
  // the plugin finds it and limits how often one can guess at a password
  await app.register(rateLimit, { global: false })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    userVerifier: await createUserVerifier(),
    accessToken: { expiresIn: accessTokenLife },
    // Who is logged out hears of it at once, where it happens in this process; elsewhere the end of the token tells.
    // A session that was to stay when others of its user went is hung up on, too: its client just comes back.
    onEvent (event) {
      if (event.type === 'logout' || event.type === 'reuse-detected') hangUp(({ sessionId }) => sessionId === event.sessionId)
      if (event.type === 'session-revoked') hangUp(({ sessionId, userId }) => sessionId === event.sessionId || userId === event.userId)
    },
    clock
  })

  function hangUp (isOver: (auth: Auth) => boolean): void {
    for (const [socket, auth] of chatting) {
      if (isOver(auth)) socket.close(UNAUTHORIZED, 'logged out')
    }
  }

  // A browser cannot give a WebSocket an Authorization header, and an address gets into logs, so the token is the first
  // message. No cookie is looked at: any site's page can open a WebSocket here, and it would come with the cookie.
  app.get('/chat', { websocket: true }, (socket) => {
    let timer = setTimeout(() => socket.close(UNAUTHORIZED, 'no token'), patience)

    function takeToken (token: string): void {
      const auth = app.tokenAuth.verifyAccessToken(token)
      if (auth.userId !== (chatting.get(socket) ?? auth).userId) throw new Error('the token is of somebody else')
      chatting.set(socket, auth)
      clearTimeout(timer)
      timer = setTimeout(() => socket.close(UNAUTHORIZED, 'token expired'), auth.expiresAt.getTime() - clock())
      socket.send(JSON.stringify({ userId: auth.userId, expiresAt: auth.expiresAt }))
    }

    socket.on('message', (data) => {
      try {
        const { token, text } = JSON.parse(String(data)) as ClientMessage
        if (token !== undefined) return takeToken(token)
        const auth = chatting.get(socket)
        if (auth === undefined) throw new Error('the token comes first')
        for (const listener of chatting.keys()) listener.send(JSON.stringify({ from: auth.userId, text }))
      } catch {
        // not JSON, no token yet, or none of ours; what exactly is nobody's business
        socket.close(UNAUTHORIZED, 'not authorized')
      }
    })

    socket.on('close', () => {
      clearTimeout(timer)
      chatting.delete(socket)
    })
  })

  await serveScripts(app, { '/client.js': 'fastify-token-auth/client', '/client-websocket.js': './client-websocket.ts', '/attempt.js': './page-attempt.ts' })
  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Chat</title>
<form id="login" hidden><input name="username" aria-label="Name"> <input name="password" type="password" aria-label="Password"> <button>Log in</button></form>
<form id="say" hidden><input name="text" aria-label="Message"> <button>Say</button> <button type="button" id="logout">Log out</button></form>
<p role="status"></p>
<pre></pre>
<script type="module">
  import { createAttempt } from '/attempt.js'
  import { createAuthClient } from '/client.js'
  import { openSocket } from '/client-websocket.js'
  const [login, say, logout, status, log] = document.querySelectorAll('#login, #say, #logout, p, pre')
  const auth = createAuthClient()
  const attemptOrTell = createAttempt(auth, (message) => { status.textContent = message })
  let socket

  auth.subscribe((state, { type }) => attempt(async () => {
    login.hidden = state !== 'signed-out'
    say.hidden = state !== 'signed-in'
    // what is said from now on is said by somebody else, or by nobody
    if (type !== 'refresh') {
      socket?.close()
      socket = undefined
    }
    // the back button has brought the page back
    if (state === 'unknown') await auth.restore()
    else if (state === 'signed-in') socket ??= openSocket(auth, location.origin.replace('http', 'ws') + '/chat', (message) => { log.textContent += JSON.stringify(message) + '\\n' })
  }))
  function attempt (work) {
    status.textContent = ''
    return attemptOrTell(work)
  }

  login.onsubmit = (event) => {
    event.preventDefault()
    attempt(() => auth.login(Object.fromEntries(new FormData(login))))
  }
  say.onsubmit = (event) => {
    event.preventDefault()
    if (!socket.send({ text: say.elements.text.value })) status.textContent = 'Not connected at the moment'
  }
  logout.onclick = () => attempt(auth.logout)
  attempt(auth.restore)
</script>
`

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const app = await build()
  const { port } = new URL(await app.listen({ port: Number(process.env['PORT'] ?? 3000) }))
  console.log(`Open http://localhost:${port}`)
}
