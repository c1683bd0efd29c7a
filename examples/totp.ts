// A second factor, TOTP, and a route that demands it: npx tsx --conditions=@fastify-token-auth/source examples/totp.ts
//
// ada with the password analytical-engine has an authenticator (its key is printed), grace with eleven-inches-of-wire has none yet.
import { randomBytes } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { defineTokenAuth } from 'fastify-token-auth'
import { Secret, TOTP } from 'otpauth'
import { Type, type Static } from 'typebox'
import { createOneTimeTokens } from './one-time-tokens.ts'
import { createUserVerifier, type Person } from './users.ts'

/** How somebody logged in: by which means (`amr`, RFC 8176) and how good that is (`acr`), both as in RFC 9068 section 2.2.1. */
type Authentication = { amr: string[], acr: 'aal1' | 'aal2' }

const PASSWORD: Authentication = { amr: ['pwd'], acr: 'aal1' }
const PASSWORD_AND_CODE: Authentication = { amr: ['pwd', 'otp', 'mfa'], acr: 'aal2' }

const Credentials = Type.Object({ username: Type.String({ maxLength: 254 }), password: Type.String({ maxLength: 1024 }) })
const Code = Type.String({ pattern: '^\\d{6}$' })
const SecondFactor = Type.Object({ pending: Type.String({ maxLength: 100 }), code: Code })
const Confirmation = Type.Object({ code: Code })

/** @param ada the authenticator that ada has set up already */
export async function build ({ ada = createAuthenticator('ada'), clock = Date.now } = {}) {
  const app = Fastify({ logger: { level: 'warn' } })
  const users = await createUserVerifier()
  const authenticators = new Map([['p-1815', ada]])
  const unconfirmed = new Map<string, Authenticator>()
  const pendingLogins = createOneTimeTokens<Person>({ lifetime: 5 * 60_000, clock })

  const auth = defineTokenAuth({
    secret: process.env['AUTH_SECRET'],
    // POST /auth/login would be done with the password
    routes: { login: false },
    userVerifier: users,
    // The session remembers how it began, so that a refresh says the same again.
    accessToken: { claims: (user, { details }) => details['authentication'] as Authentication },
    clock
  })
  await app.register(rateLimit, { max: 100 })
  await app.register(auth)

  /** Guesses count by person, or six digits would not last: whoever has the password, and nobody else, can use them up. */
  const countGuess = app.createRateLimit({ max: 10, timeWindow: '15 minutes', keyGenerator: ({ body }) => pendingLogins.find((body as Static<typeof SecondFactor>).pending)?.id ?? 'nobody' })

  /** Passwords count by account, known or not: ten from one address and a hundred from all, so that no single one can lock anybody out. */
  const nameIn = ({ body }: FastifyRequest) => (body as Static<typeof Credentials>).username
  const countFromOne = app.createRateLimit({ max: 10, timeWindow: '15 minutes', keyGenerator: (request) => `${request.ip} ${nameIn(request)}` })
  const countFromAll = app.createRateLimit({ max: 100, timeWindow: '15 minutes', keyGenerator: nameIn })

  const logIn = (reply: FastifyReply, person: Person, authentication: Authentication) => app.tokenAuth.login(reply, person, { details: { authentication } })

  // The first factor opens no session where there is a second: only a token good for the next step, for five minutes.
  app.post<{ Body: Static<typeof Credentials> }>('/login', {
    onRequest: app.tokenAuth.refuseCrossOrigin,
    schema: { body: Credentials },
    config: { rateLimit: { max: 20, timeWindow: '1 minute' } }
  }, async (request, reply) => {
    refuseExcess(await countFromOne(request))
    refuseExcess(await countFromAll(request))
    const person = await users.verify(request.body)
    if (person === null) throw unauthorized('Wrong name or password')
    if (!authenticators.has(person.id)) return await logIn(reply, person, PASSWORD)
    return await reply.header('cache-control', 'no-store').send({ pending: pendingLogins.issue(person) })
  })

  app.post<{ Body: Static<typeof SecondFactor> }>('/login/code', { onRequest: app.tokenAuth.refuseCrossOrigin, schema: { body: SecondFactor } }, async (request, reply) => {
    const { pending, code } = request.body
    refuseExcess(await countGuess(request))
    const person = pendingLogins.find(pending)
    if (person === null) throw unauthorized('That took too long, begin again with the password')
    if (!isRight(authenticators.get(person.id), code, clock())) throw unauthorized('Wrong code')
    pendingLogins.redeem(pending)
    return await logIn(reply, person, PASSWORD_AND_CODE)
  })

  // Whoever is at a forgotten screen must not add an authenticator of their own, so the log-in has to be recent.
  const recentLogin = app.authorize({ maxAge: 300 })
  app.post('/totp', { onRequest: recentLogin }, async (request, reply) => {
    const { userId } = request.auth
    if (authenticators.has(userId)) return await reply.code(409).send(new Error('There is an authenticator already'))
    const authenticator = createAuthenticator(String(users.findById(userId)?.username))
    unconfirmed.set(userId, authenticator)
    return { uri: authenticator.totp.toString() }
  })

  // It counts from its first code on: a key that was mistyped must lock nobody out.
  app.post<{ Body: Static<typeof Confirmation> }>('/totp/confirm', { onRequest: recentLogin, schema: { body: Confirmation } }, async (request, reply) => {
    const { userId } = request.auth
    const authenticator = unconfirmed.get(userId)
    if (!authenticator || !isRight(authenticator, request.body.code, clock())) return await reply.code(400).send(new Error('Wrong code'))
    unconfirmed.delete(userId)
    authenticators.set(userId, authenticator)
    return await reply.code(204).send()
  })

  /** Demands that one has logged in in this way, else sends the client to log in again (RFC 9470). */
  function requireAcr (acr: Authentication['acr']) {
    return async (request: FastifyRequest, reply: FastifyReply) => {
      if (auth.auth(request).claims.acr === acr) return
      reply.header('www-authenticate', `Bearer error="insufficient_user_authentication", acr_values="${acr}"`)
      throw unauthorized('Log in with a code')
    }
  }

  app.get('/me', { onRequest: app.authenticate }, async (request) => {
    const { sub, amr, acr } = auth.auth(request).claims
    return { ...users.findById(sub), amr, acr }
  })

  app.get('/vault', { onRequest: [app.authenticate, requireAcr('aal2')] }, async () => ({ gold: true }))

  return app
}

/** A key, and the last 30 seconds whose code was used. */
interface Authenticator { totp: TOTP, lastStep: number }

export function createAuthenticator (label: string): Authenticator {
  return { totp: new TOTP({ issuer: 'fastify-token-auth', label, secret: new Secret() }), lastStep: 0 }
}

/** Whether the code is that of now, or of the step before or after, as clocks differ; each is good once (RFC 6238 section 5.2). */
function isRight (authenticator: Authenticator | undefined, token: string, timestamp: number): boolean {
  const delta = authenticator?.totp.validate({ token, timestamp, window: 1 }) ?? null
  if (!authenticator || delta === null) return false
  const step = authenticator.totp.counter({ timestamp }) + delta
  if (step <= authenticator.lastStep) return false
  // in a database: UPDATE … SET last_step = $1 WHERE … AND last_step < $1, and look whether a row was changed
  authenticator.lastStep = step
  return true
}

/** @throws a 429 that says when to try again */
function refuseExcess (attempt: Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>): void {
  if (attempt.isAllowed || !attempt.isExceeded) return
  throw Object.assign(new Error('Too many attempts, try again later'), { statusCode: 429, headers: { 'retry-after': String(attempt.ttlInSeconds) } })
}

const unauthorized = (message: string) => Object.assign(new Error(message), { statusCode: 401 })

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const ada = createAuthenticator('ada')
  const app = await build({ ada })
  const origin = await app.listen({ port: Number(process.env['PORT'] ?? 3000) })
  console.log(`
  Add this to your authenticator: ${ada.totp.toString()}

  curl ${origin}/login --json '{ "username": "ada", "password": "analytical-engine" }'
  curl ${origin}/login/code --json '{ "pending": "…", "code": "…" }'
  curl ${origin}/vault -H 'Authorization: Bearer …'
`)
}
