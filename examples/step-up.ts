// A route that demands a fresh log-in, and a page that asks for it: npx tsx --conditions=@fastify-token-auth/source examples/step-up.ts
//
// Log in as ada with the password analytical-engine, wait for a minute, send money.
import { randomBytes } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { Type, type Static } from 'typebox'
import { createUserVerifier } from './users.ts'

/** So short only that one can try it; five minutes suit most apps. Seconds. */
const FRESH = 60

const Transfer = Type.Object({ to: Type.String({ minLength: 1 }), amount: Type.Integer({ minimum: 1 }) })

export async function build ({ clock = Date.now } = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  const users = await createUserVerifier()
  const balances = new Map([['p-1815', 100], ['p-1906', 100]])

  // the plugin finds it and limits how often one can guess at a password
  await app.register(rateLimit, { global: false })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    userVerifier: users,
    clock
  })

  app.get('/account', { onRequest: app.authenticate }, async ({ auth }) => ({ username: users.findById(auth.userId)?.username, balance: balances.get(auth.userId) }))

  // `maxAge` counts from the log-in; a refresh does not move that, so who found an unlocked screen or stole a cookie is
  // not fresh for ever. `liveSession` asks the store whether the session still stands: worth a round trip for money.
  app.post<{ Body: Static<typeof Transfer> }>('/transfer', {
    onRequest: app.authorize({ maxAge: FRESH, liveSession: true }),
    schema: { body: Transfer }
  }, async (request, reply) => {
    const { auth: { userId }, body: { amount, to } } = request
    const balance = balances.get(userId) ?? 0
    if (balance < amount) return await reply.code(409).send(new Error('Not enough money'))
    balances.set(userId, balance - amount)
    return { message: `${amount} sent to ${to}`, balance: balance - amount }
  })

  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Step up</title>
<p role="status"></p>
<form id="log-in" hidden><label>Name <input name="username"></label> <label>Password <input name="password" type="password"></label> <button>Log in</button></form>
<form id="transfer" hidden><label>To <input name="to" value="Grace"></label> <label>Amount <input name="amount" type="number" value="10"></label> <button>Send</button></form>
<dialog><form method="dialog"><label>Your password once more <input name="password" type="password" required></label> <button value="ok">Go on</button> <button value="" formnovalidate>Cancel</button></form></dialog>
<script type="module">
  const [status, logInForm, transfer, dialog] = document.querySelectorAll('[role], #log-in, #transfer, dialog')
  const json = (body) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  let accessToken, username

  // The access token in memory, a refresh when it has expired: with fastify-token-auth/client, these are auth.fetch,
  // auth.login and auth.restore.
  async function send (url, options = {}) {
    const attempt = () => fetch(url, { ...options, headers: { ...options.headers, authorization: 'Bearer ' + accessToken } })
    const response = await attempt()
    const isExpired = response.status === 401 && /invalid_token/.test(response.headers.get('www-authenticate'))
    return isExpired && await restore() ? attempt() : response
  }
  const logIn = async (credentials) => take(await fetch('/auth/login', json(credentials)))
  async function restore () {
    const response = await fetch('/auth/refresh', { method: 'POST' })
    if (response.status === 401) accessToken = undefined
    return take(response)
  }
  async function take (response) {
    if (response.ok) accessToken = (await response.json()).accessToken
    return response.ok
  }

  // Step-up (RFC 9470): where the server says that this takes a fresh log-in, have the person log in, then send the
  // same again, once. A refresh would not help. The name is not asked for: nobody else is to go on with what Ada began.
  async function sendFresh (url, options) {
    const response = await send(url, options)
    const isTooOld = response.status === 401 && /insufficient_user_authentication/.test(response.headers.get('www-authenticate'))
    return isTooOld && await logInAgain() ? send(url, options) : response
  }
  async function logInAgain () {
    dialog.showModal()
    await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
    const { value: password } = dialog.querySelector('input')
    dialog.querySelector('form').reset()
    return dialog.returnValue === 'ok' && await logIn({ username, password })
  }

  async function show () {
    logInForm.hidden = Boolean(accessToken)
    transfer.hidden = !accessToken
    if (!accessToken) return
    const account = await (await send('/account')).json()
    username = account.username
    status.textContent = username + ' has ' + account.balance
  }
  logInForm.onsubmit = async (event) => {
    event.preventDefault()
    await logIn(Object.fromEntries(new FormData(logInForm)))
    show()
  }
  transfer.onsubmit = async (event) => {
    event.preventDefault()
    const { to, amount } = Object.fromEntries(new FormData(transfer))
    const answer = await (await sendFresh('/transfer', json({ to, amount: Number(amount) }))).json()
    await show()
    status.textContent += '. ' + answer.message
  }
  await restore()
  show()
</script>
`

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const app = await build()
  const { port } = new URL(await app.listen({ port: Number(process.env['PORT'] ?? 3000) }))
  console.log(`Open http://localhost:${port}`)
}
