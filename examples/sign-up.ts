// Sign up with an e-mail address and a password: npx tsx --conditions=@fastify-token-auth/source examples/sign-up.ts
//
// The link that confirms the address is printed to the console.
import { randomBytes, randomUUID } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import { hash, verify } from '@node-rs/argon2'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { Type, type Static } from 'typebox'
import { createOneTimeTokens } from './one-time-tokens.ts'
import { consoleOutbox, type Mail, type Outbox } from './outbox.ts'

interface Person { id: string, email: string, passwordHash: string }

const Email = Type.String({ format: 'email', maxLength: 254 })
// NIST SP 800-63B-4 wants fifteen characters where a password is all there is, and no rules about which; it also wants
// common passwords and those from breaches refused by a blocklist, which an app adds here
const NewPassword = Type.String({ minLength: 15, maxLength: 1024 })
const Credentials = Type.Object({ email: Email, password: Type.String({ minLength: 1, maxLength: 1024 }) })
const SignUp = Type.Object({ email: Email })
const Confirmation = Type.Object({ token: Type.String({ maxLength: 100 }), password: NewPassword })

/** What OWASP recommends of argon2id, the library's default algorithm: 19 MiB, two passes, one lane. */
const ARGON2 = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

interface BuildOptions {
  /** Where the page is. Never taken from the Host header: with a forged one, the mail would lead to somebody else's site, token and all. */
  origin?: string
  outbox?: Outbox
  clock?: () => number
}

export async function build ({ origin = 'http://localhost:3000', outbox = consoleOutbox, clock = Date.now }: BuildOptions = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  const people = new Map<string, Person>()
  const byEmail = new Map<string, Person>()
  const confirmations = createOneTimeTokens<{ email: string }>({ lifetime: 60 * 60_000, clock })
  // An unknown address is checked against a hash that nothing matches, so that the time taken does not tell who has an account.
  const nobody = await hash(randomUUID(), ARGON2)

  await app.register(rateLimit, { max: 100 })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    credentials: Credentials,
    userVerifier: {
      // examples/users.ts shows how to have no more of these at a time than the machine has cores
      async verify ({ email, password }) {
        const person = byEmail.get(email.toLowerCase())
        const isRight = await verify(person?.passwordHash ?? nobody, password)
        return person && isRight ? person : null
      },
      findById: (id) => people.get(id) ?? null
    },
    clock
  })

  // One answer for everybody, and before any mail is sent; only the owner of the address learns whether there is an account.
  // The password is chosen after that: else somebody could sign up with your address and a password of theirs, and
  // have you confirm it. Mails count by the address they go to, so that nobody's inbox is flooded, and requests by the
  // client, which could have mails sent to ever more addresses.
  const countMail = app.createRateLimit({ max: 5, timeWindow: '1 hour', keyGenerator: ({ body }) => emailIn(body) })
  app.post<{ Body: Static<typeof SignUp> }>('/sign-up', {
    schema: { body: SignUp },
    config: { rateLimit: { max: 20, timeWindow: '15 minutes' } }
  }, async (request, reply) => {
    const count = await countMail(request)
    if (!count.isAllowed && count.isExceeded) return await reply.code(429).header('retry-after', count.ttlInSeconds).send(new Error('Too many mails to this address, try again later'))
    const mail = byEmail.has(emailIn(request.body)) ? knownMail(emailIn(request.body)) : confirmationMail(emailIn(request.body))
    setImmediate(async () => {
      try { await outbox.send(mail) } catch (err) { request.log.error(err) }
    })
    return await reply.code(202).send({ message: 'A mail that says how to go on is on its way' })
  })

  /** The token is in the fragment, which browsers send to no server: it gets into no log and no Referer. */
  function confirmationMail (email: string): Mail {
    const link = `${origin}/#${confirmations.issue({ email })}`
    return { to: email, subject: 'Welcome', text: `Choose a password here, within the hour:\n${link}\n\nIf you did not ask for it, delete this mail.` }
  }

  function knownMail (email: string): Mail {
    return { to: email, subject: 'You have an account', text: `Somebody, perhaps you, wants to sign up with this address. It has an account already: log in at\n${origin}` }
  }

  app.post<{ Body: Static<typeof Confirmation> }>('/sign-up/confirm', { onRequest: app.tokenAuth.refuseCrossOrigin, schema: { body: Confirmation } }, async (request, reply) => {
    const confirmed = confirmations.redeem(request.body.token)
    const passwordHash = confirmed && await hash(request.body.password, ARGON2)
    // of two links for one address, the first makes the account; after the hash nothing waits, so no other can come between
    if (!confirmed || !passwordHash || byEmail.has(confirmed.email)) {
      return await reply.code(401).send({ statusCode: 401, error: 'Unauthorized', message: 'This link is used up or too old, sign up again' })
    }
    const person = { id: randomUUID(), email: confirmed.email, passwordHash }
    people.set(person.id, person)
    byEmail.set(person.email, person)
    return await app.tokenAuth.login(reply, person)
  })

  app.get('/me', { onRequest: app.authenticate }, async ({ auth }) => ({ email: people.get(auth.userId)?.email }))

  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

function emailIn (body: unknown): string {
  return (body as Static<typeof SignUp>).email.toLowerCase()
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Sign up</title>
<p role="status"></p>
<form id="sign-up"><h1>Sign up</h1><label>Your e-mail <input type="email" name="email" required></label> <button>Sign up</button></form>
<form id="choose" hidden><h1>Choose a password</h1><label>New password <input type="password" name="password" autocomplete="new-password" minlength="15" required></label> <button>Go on</button></form>
<form id="log-in"><h1>Log in</h1><label>E-mail <input type="email" name="email" required></label> <label>Password <input type="password" name="password" required></label> <button>Log in</button></form>
<script type="module">
  const [status, signUp, choose, logIn] = document.querySelectorAll('[role], #sign-up, #choose, #log-in')
  const token = location.hash.slice(1)
  // out of the address bar and of the history
  history.replaceState(null, '', '/')
  choose.hidden = !token
  signUp.hidden = logIn.hidden = Boolean(token)

  /** Post a form, and say how it went. */
  const posts = (form, url, more) => form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const body = JSON.stringify({ ...Object.fromEntries(new FormData(form)), ...more })
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { message, accessToken } = await response.json()
    status.textContent = message ?? 'Logged in as ' + (await (await fetch('/me', { headers: { authorization: 'Bearer ' + accessToken } })).json()).email
  })
  posts(signUp, '/sign-up')
  posts(choose, '/sign-up/confirm', { token })
  posts(logIn, '/auth/login')
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
