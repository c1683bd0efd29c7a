// Limits on guessing passwords, over the host's @fastify/rate-limit: per address, and per account without handing anybody the means to lock the account's owner out.
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TObject } from 'typebox'
import { TokenAuthError } from './errors.ts'
import type { AccountRateLimit, LoginRouteOptions, RouteSettings } from './options.ts'

/** Attempts to log in from one address, whatever the account. An office behind one address must get in, a list of stolen passwords must not be worked through. */
const PER_ADDRESS = { max: 20, timeWindow: '1 minute' }

/** NIST SP 800-63B wants at most 100 failures; OWASP ASVS 5.0 6.1.1, that nobody can be locked out by them. */
const PER_ACCOUNT = { max: 10, timeWindow: '15 minutes' }

/** So many times the attempts of one address, and the account is under attack from many. */
const SIEGE = 10

/** Names of credentials that tell no account. */
const SECRET_NAME = /pass|secret|token|code|otp|pin/i

/** What @fastify/rate-limit answers of an attempt. Its types are not imported: the package need not be there. */
type Attempt = { isAllowed: true, key: string } | { isAllowed: false, max: number, remaining: number, isExceeded: boolean, ttlInSeconds: number }
type CreateRateLimit = (options: object) => (request: FastifyRequest) => Promise<Attempt>

/** The limits of the login route. */
export interface LoginLimits {
  /** For the route's `config`, where @fastify/rate-limit finds the limit per address. */
  config: object
  /** Count an attempt on an account. @throws a 429 if there were too many, with `Retry-After` set */
  count (request: FastifyRequest, reply: FastifyReply): Promise<void>
}

/** Without @fastify/rate-limit in the host, a hint in the log is all there is. */
export function createLoginLimits (app: FastifyInstance, setting: RouteSettings['login'], credentials: TObject): LoginLimits {
  const { config, accountRateLimit }: LoginRouteOptions = typeof setting === 'object' ? setting : {}
  const { rateLimit } = (config ?? {}) as { rateLimit?: object | false }
  const { createRateLimit } = app as unknown as { createRateLimit?: CreateRateLimit }
  if (createRateLimit === undefined && setting !== false && accountRateLimit !== false) {
    app.log.warn('fastify-token-auth: passwords can be guessed at without limit; register @fastify/rate-limit before this plugin, or set routes.login.accountRateLimit to false if something in front of the app counts attempts')
  }
  const perAddress = rateLimit === false ? false : { ...PER_ADDRESS, errorResponseBuilder: () => new TokenAuthError('TOO_MANY_ATTEMPTS'), ...rateLimit }
  const perAccount = createRateLimit === undefined ? undefined : limitPerAccount(app, createRateLimit, accountRateLimit, credentials)

  return {
    config: { rateLimit: perAddress },
    async count (request, reply) {
      const retryAfter = await perAccount?.(request)
      if (retryAfter === undefined) return
      reply.header('retry-after', retryAfter)
      throw new TokenAuthError('TOO_MANY_ATTEMPTS')
    }
  }
}

/** @returns counts an attempt; resolves to the seconds until the next one where there were too many */
function limitPerAccount (app: FastifyInstance, createRateLimit: CreateRateLimit, options: AccountRateLimit | false | undefined, credentials: TObject): ((request: FastifyRequest) => Promise<number | undefined>) | undefined {
  if (options === false) return undefined
  const { max, timeWindow, keyGenerator = accountIn(credentials) } = { ...PER_ACCOUNT, ...options }
  if (keyGenerator === undefined) return undefined

  // what the host chose for its routes in general must not turn a limit on guesses into a lock
  const steady = { timeWindow, continueExceeding: false, exponentialBackoff: false }
  const account = (request: FastifyRequest) => keyGenerator(request).normalize('NFKC').trim().toLowerCase()
  // names are not spread over a cache that many may read
  const hash = (...parts: string[]) => createHash('sha256').update(JSON.stringify([app.prefix, ...parts])).digest('base64url')
  // what the host takes for the address of a client, without counting anything
  const address = createRateLimit({ allowList: () => true })
  const fromOne = createRateLimit({ ...steady, max, keyGenerator: async (request: FastifyRequest) => hash(account(request), (await address(request) as { key: string }).key) })
  const fromAll = createRateLimit({ ...steady, max: max * SIEGE, keyGenerator: (request: FastifyRequest) => hash(account(request)) })

  return async (request) => {
    const one = await fromOne(request)
    if (one.isAllowed) return undefined
    if (one.isExceeded) return one.ttlInSeconds
    // only what one address may do counts for all, so that no single one can bring about a siege
    const all = await fromAll(request)
    const isFirst = one.remaining === one.max - 1
    return !all.isAllowed && all.isExceeded && !isFirst ? one.ttlInSeconds : undefined
  }
}

/** Finds the name of the account in a body that has passed the schema. */
function accountIn ({ properties }: TObject): ((request: FastifyRequest) => string) | undefined {
  const names = Object.entries(properties).filter(([name, schema]) => (schema as { type?: string }).type === 'string' && !SECRET_NAME.test(name)).map(([name]) => name)
  const name = names.find((name) => name === 'username') ?? names[0]
  return name === undefined ? undefined : ({ body }) => String((body as Record<string, unknown>)[name])
}
