// Sign up and log in with a passkey: npx tsx --conditions=@fastify-token-auth/source examples/passkeys.ts
import { randomBytes, randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import rateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import { generateAuthenticationOptions, generateRegistrationOptions, verifyAuthenticationResponse, verifyRegistrationResponse, type AuthenticationResponseJSON, type RegistrationResponseJSON, type WebAuthnCredential } from '@simplewebauthn/server'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { Type, type Static } from 'typebox'
import { createOneTimeTokens } from './one-time-tokens.ts'
import { serveScripts } from './page-scripts.ts'

interface Person { id: string, name: string }

const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
const Response = Type.Object({ id: Type.String({ maxLength: 1400 }), response: Type.Object({}) })

/** @param origin where the page is. Never taken from the Host header: it is what tells our page from one that looks like it */
export async function build ({ origin = 'http://localhost:3000', clock = Date.now } = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  const expected = { expectedOrigin: origin, expectedRPID: new URL(origin).hostname }
  const people = new Map<string, Person>()
  const passkeys = new Map<string, { personId: string, credential: WebAuthnCredential }>()
  // A challenge is random, fresh and good for one answer; that of a sign-up stands for the person who is to be.
  const signUps = createOneTimeTokens<Person>({ lifetime: 5 * 60_000, clock })
  const logins = createOneTimeTokens<true>({ lifetime: 5 * 60_000, clock })

  await app.register(rateLimit, { max: 100 })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    // there are no passwords here, so there is no POST /auth/login
    routes: { login: false },
    userVerifier: {
      verify: () => null,
      findById: (id) => people.get(id) ?? null
    },
    clock
  })

  app.post<{ Body: Static<typeof Name> }>('/sign-up/options', { schema: { body: Name } }, async ({ body: { name } }) => {
    const person = { id: randomUUID(), name }
    return await generateRegistrationOptions({
      rpName: 'An app',
      rpID: expected.expectedRPID,
      userID: Buffer.from(person.id),
      userName: name,
      challenge: bytesOf(signUps.issue(person)),
      // kept on the device together with who it is for, so that nobody has to type a name to log in
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' }
    })
  })

  app.post<{ Body: Static<typeof Response> }>('/sign-up', { onRequest: app.tokenAuth.refuseCrossOrigin, schema: { body: Response } }, async (request, reply) => {
    let person = null as Person | null
    const { registrationInfo } = await verifyRegistrationResponse({
      response: request.body as RegistrationResponseJSON,
      expectedChallenge: (challenge) => (person = signUps.redeem(challenge)) !== null,
      ...expected
    }).catch(refuse)
    if (!person || !registrationInfo || passkeys.has(registrationInfo.credential.id)) return refuse()
    people.set(person.id, person)
    passkeys.set(registrationInfo.credential.id, { personId: person.id, credential: registrationInfo.credential })
    return await app.tokenAuth.login(reply, person)
  })

  // The same for everybody: whose passkey it is turns out when it answers.
  app.post('/login/options', async () => await generateAuthenticationOptions({
    rpID: expected.expectedRPID,
    challenge: bytesOf(logins.issue(true)),
    userVerification: 'required'
  }))

  app.post<{ Body: Static<typeof Response> }>('/login', { onRequest: app.tokenAuth.refuseCrossOrigin, schema: { body: Response } }, async (request, reply) => {
    const passkey = passkeys.get(request.body.id)
    if (!passkey) return refuse()
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: request.body as AuthenticationResponseJSON,
      expectedChallenge: (challenge) => logins.redeem(challenge) !== null,
      credential: passkey.credential,
      ...expected
    }).catch(refuse)
    const person = people.get(passkey.personId)
    if (!verified || !person) return refuse()
    // a copy of the key would fall behind this count, where the device keeps one
    passkey.credential.counter = authenticationInfo.newCounter
    return await app.tokenAuth.login(reply, person)
  })

  app.get('/me', { onRequest: app.authenticate }, async ({ auth }) => people.get(auth.userId))

  await app.register(fastifyStatic, { root: dirname(fileURLToPath(import.meta.resolve('@simplewebauthn/browser'))), prefix: '/simplewebauthn/' })
  await serveScripts(app, { '/client.js': 'fastify-token-auth/client', '/attempt.js': './page-attempt.ts' })
  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

function bytesOf (token: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(token, 'base64url'))
}

/** One answer for whatever is wrong with a passkey. */
function refuse (): never {
  throw Object.assign(new Error('This passkey is not accepted, try again'), { statusCode: 401 })
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Passkeys</title>
<h1>Passkeys</h1>
<p role="status"></p>
<form id="sign-up" hidden><label>Name <input name="name" autocomplete="username" required></label> <button>Sign up</button></form>
<p><button id="log-in" hidden>Log in</button> <button id="log-out" hidden>Log out</button></p>
<script type="module">
  import { createAttempt } from '/attempt.js'
  import { createAuthClient } from '/client.js'
  import { startAuthentication, startRegistration } from '/simplewebauthn/index.js'
  const [status, signUp, logIn, logOut] = document.querySelectorAll('[role], #sign-up, #log-in, #log-out')
  const auth = createAuthClient()
  const attempt = createAttempt(auth, (message) => { status.textContent = message })

  auth.subscribe((state) => attempt(async () => {
    signUp.hidden = logIn.hidden = state !== 'signed-out'
    logOut.hidden = state !== 'signed-in'
    // the back button has brought the page back
    if (state === 'unknown') await auth.restore()
    else status.textContent = state === 'signed-in' ? 'Logged in as ' + (await (await auth.fetch('/me')).json()).name : 'Not logged in'
  }))
  async function optionsFrom (url, body = {}) {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const answer = await response.json()
    if (!response.ok) throw new Error(answer.message)
    return { optionsJSON: answer }
  }

  signUp.onsubmit = (event) => {
    event.preventDefault()
    attempt(async () => auth.login(await startRegistration(await optionsFrom('/sign-up/options', { name: signUp.elements.name.value })), { path: '/sign-up' }))
  }
  logIn.onclick = () => attempt(async () => auth.login(await startAuthentication(await optionsFrom('/login/options')), { path: '/login' }))
  logOut.onclick = () => attempt(auth.logout)
  attempt(auth.restore)
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
