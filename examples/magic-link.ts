// Log in with a link by e-mail: npx tsx --conditions=@fastify-token-auth/source examples/magic-link.ts
//
// The link is printed to the console. ada@example.com and grace@example.com have an account.
import { randomBytes } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { Type, type Static } from 'typebox'
import { createOneTimeTokens } from './one-time-tokens.ts'
import { consoleOutbox, type Outbox } from './outbox.ts'

const people = [
  { id: '1', email: 'ada@example.com' },
  { id: '2', email: 'grace@example.com' }
]

const LinkRequest = Type.Object({ email: Type.String({ format: 'email', maxLength: 254 }) })
const LinkLogin = Type.Object({ token: Type.String({ maxLength: 100 }) })

interface BuildOptions {
  /** Where the page is. Never taken from the Host header: with a forged one, the mail would lead to somebody else's site, token and all. */
  origin?: string
  outbox?: Outbox
  clock?: () => number
}

export async function build ({ origin = 'http://localhost:3000', outbox = consoleOutbox, clock = Date.now }: BuildOptions = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  const links = createOneTimeTokens<{ userId: string }>({ lifetime: 15 * 60_000, clock })

  await app.register(rateLimit, { max: 100 })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    // there are no passwords here, so there is no POST /auth/login
    routes: { login: false },
    userVerifier: {
      verify: () => null,
      findById: (id) => people.find((person) => person.id === id) ?? null
    },
    clock
  })

  // One answer, whether or not there is such an account, and before any mail is sent: neither its text nor the time it
  // takes tells who has one. Mails count by the address they go to, known or not, so that nobody's inbox is flooded, and
  // requests by the client, which could have mails sent to ever more addresses.
  const countMail = app.createRateLimit({ max: 5, timeWindow: '15 minutes', keyGenerator: ({ body }) => addressIn(body) })
  app.post<{ Body: Static<typeof LinkRequest> }>('/login/link', {
    schema: { body: LinkRequest },
    config: { rateLimit: { max: 20, timeWindow: '15 minutes' } }
  }, async (request, reply) => {
    const mail = await countMail(request)
    if (!mail.isAllowed && mail.isExceeded) return await reply.code(429).header('retry-after', mail.ttlInSeconds).send(new Error('Too many mails to this address, try again later'))
    const person = people.find(({ email }) => email === addressIn(request.body))
    if (person) setImmediate(() => { sendLink(person).catch((err: unknown) => { request.log.error(err) }) })
    return reply.code(202).send({ message: 'If there is an account with this address, a mail with a link is on its way' })
  })

  /** The token is in the fragment, which browsers send to no server: it gets into no log and no Referer. */
  async function sendLink ({ id, email }: typeof people[number]): Promise<void> {
    const link = `${origin}/#${links.issue({ userId: id })}`
    await outbox.send({ to: email, subject: 'Your link to log in', text: `It works once, for 15 minutes:\n${link}\n\nIf you did not ask for it, delete this mail.` })
  }

  // Mail scanners and previews open links. Opening this one only shows a page; it takes the person's click to log in.
  app.post<{ Body: Static<typeof LinkLogin> }>('/login', { onRequest: app.tokenAuth.refuseCrossOrigin, schema: { body: LinkLogin } }, async (request, reply) => {
    const link = links.redeem(request.body.token)
    // the account may be gone since the mail was sent
    const person = people.find(({ id }) => id === link?.userId)
    if (!person) return reply.code(401).send({ statusCode: 401, error: 'Unauthorized', message: 'This link is used up or too old, ask for another one' })
    return await app.tokenAuth.login(reply, person)
  })

  app.get('/me', { onRequest: app.authenticate }, async ({ auth }) => people.find(({ id }) => id === auth.userId))

  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

function addressIn (body: unknown): string {
  return (body as Static<typeof LinkRequest>).email.toLowerCase()
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Log in with a link</title>
<h1>Log in</h1>
<p role="status"></p>
<form id="ask"><label>E-mail <input type="email" name="email" required></label> <button>Send me a link</button></form>
<form id="enter" hidden><button>Log in</button></form>
<script type="module">
  const [status, ask, enter] = document.querySelectorAll('p, #ask, #enter')
  const token = location.hash.slice(1)
  // out of the address bar and of the history
  history.replaceState(null, '', '/')
  ask.hidden = Boolean(token)
  enter.hidden = !token

  async function post (url, body) {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    return { ok: response.ok, ...await response.json() }
  }
  ask.onsubmit = async (event) => {
    event.preventDefault()
    status.textContent = (await post('/login/link', Object.fromEntries(new FormData(ask)))).message
  }
  enter.onsubmit = async (event) => {
    event.preventDefault()
    const { ok, message, accessToken } = await post('/login', { token })
    enter.hidden = true
    ask.hidden = ok
    status.textContent = message ?? 'Logged in as ' + (await (await fetch('/me', { headers: { authorization: 'Bearer ' + accessToken } })).json()).email
  }
</script>
`

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const { PORT: port = '3000' } = process.env
  const origin = `http://localhost:${port}`
  const app = await build({ origin })
  await app.listen({ port: Number(port) })
  console.log(`Open ${origin}`)
}
