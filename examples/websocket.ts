// A WebSocket that lives as long as the access token: npx tsx --conditions=@fastify-token-auth/source examples/websocket.ts
//
// Log in as ada with the password analytical-engine.
import { randomBytes } from 'node:crypto'
import websocket, { type WebSocket } from '@fastify/websocket'
import Fastify from 'fastify'
import tokenAuth, { type Auth } from 'fastify-token-auth'
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

  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Chat</title>
<form id="login" hidden><input name="username" aria-label="Name"> <input name="password" type="password" aria-label="Password"> <button>Log in</button></form>
<form id="say" hidden><input name="text" aria-label="Message"> <button>Say</button> <button type="button" id="logout">Log out</button></form>
<pre></pre>
<script type="module">
  const [login, say, logout, log] = document.querySelectorAll('#login, #say, #logout, pre')
  const show = (line) => { log.textContent += line + '\\n' }
  const post = (url, body) => fetch(url, { method: 'POST', ...body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } })
  let socket

  /** At first, and whenever the connection is lost: with a refresh comes a token, or the news that one has to log in. */
  async function restore () {
    const response = await post('/auth/refresh')
    login.hidden = response.ok
    say.hidden = !response.ok
    if (response.ok) connect(await response.json())
  }
  function connect (grant) {
    socket = new WebSocket(location.origin.replace('http', 'ws') + '/chat')
    socket.onopen = () => present(grant)
    socket.onmessage = ({ data }) => show(data)
    socket.onclose = restore
  }
  /** Present a token, and the next one when four fifths of its life are over. */
  function present ({ accessToken, expiresIn }) {
    socket.send(JSON.stringify({ token: accessToken }))
    setTimeout(async () => {
      const response = await post('/auth/refresh')
      if (response.ok && socket.readyState === WebSocket.OPEN) present(await response.json())
    }, expiresIn * 800)
  }

  login.onsubmit = async (event) => {
    event.preventDefault()
    const response = await post('/auth/login', Object.fromEntries(new FormData(login)))
    if (response.ok) restore()
    else show((await response.json()).message)
  }
  say.onsubmit = (event) => { event.preventDefault(); socket.send(JSON.stringify({ text: say.elements.text.value })) }
  logout.onclick = () => post('/auth/logout')
  restore()
</script>
`

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const app = await build()
  const { port } = new URL(await app.listen({ port: Number(process.env['PORT'] ?? 3000) }))
  console.log(`Open http://localhost:${port}`)
}
