// The refresh cookie: sole home of its name and attributes, which setting and clearing share (RFC 6265bis).
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TokenAuthError } from './errors.ts'

/** How the refresh cookie is set. */
export interface CookieOptions {
  /** Its name, before the prefix that `path`, `domain` and `secure` allow is put in front: `__Host-Http-`, `__Secure-` or none. @default 'refresh_token' */
  name?: string
  /** @default '/' */
  path?: string
  /** Widens the cookie to all hosts of a domain; leave it out unless you own every one of them. */
  domain?: string
  /** @default 'strict' */
  sameSite?: 'strict' | 'lax' | 'none'
  /** Sent over https only; most browsers take http://localhost for secure, too. `false` is refused where `NODE_ENV` is `production`. @default true */
  secure?: boolean
  /** A jar of its own in each top-level site that embeds the app (CHIPS). @default false */
  partitioned?: boolean
}

/** The name with its prefix, and every attribute. */
export interface CookieSettings {
  name: string
  attributes: { path: string, domain?: string, sameSite: 'strict' | 'lax' | 'none', secure: boolean, httpOnly: true, partitioned: boolean }
}

/** Reads, writes and clears the refresh cookie. */
export interface RefreshCookie {
  /** Every different value that the request carries under our name. There may be several: another path or a sibling host can add one. */
  read (request: FastifyRequest): string[]
  /** @param maxAge the seconds until the browser drops it */
  write (reply: FastifyReply, value: string, maxAge: number): void
  clear (reply: FastifyReply): void
}

/** Browsers ignore a cookie whose name and value are longer than this together (RFC 6265bis section 5.7). */
const MAX_COOKIE_BYTES = 4096

/** Room that a refresh token needs: it holds a key's id, two ids, five numbers and a signature. */
const MAX_REFRESH_TOKEN_BYTES = 512

/**
 * Fill in the defaults and choose the strongest prefix that the attributes allow.
 *
 * @throws TokenAuthError `FST_TOKEN_AUTH_INVALID_OPTION` for attributes that contradict each other or that browsers would refuse
 */
export function resolveCookie (options: CookieOptions): CookieSettings {
  const { name = 'refresh_token', path = '/', domain, sameSite = 'strict', secure = true, partitioned = false } = options
  const hostOnly = secure && path === '/' && domain === undefined

  if (!secure && process.env['NODE_ENV'] === 'production') throw refusal('secure must not be false in production (NODE_ENV): refresh tokens would travel where everybody on the way can read them')
  if (sameSite === 'none' && !secure) throw refusal("sameSite 'none' needs secure: true, browsers refuse it otherwise")
  if (partitioned && !secure) throw refusal('partitioned needs secure: true, browsers refuse it otherwise')
  if (/^__host-/i.test(name) && !hostOnly) throw refusal(`name '${name}' has the prefix __Host-, which needs secure: true, path '/' and no domain: change these or the name`)
  if (/^__(secure|http)-/i.test(name) && !secure) throw refusal(`name '${name}' has a prefix that needs secure: true: change it or the name`)

  const hasPrefix = /^__(host|secure|http)-/i.test(name)
  const prefix = hasPrefix ? '' : hostOnly ? '__Host-Http-' : secure ? '__Secure-' : ''
  if (prefix.length + name.length + MAX_REFRESH_TOKEN_BYTES > MAX_COOKIE_BYTES) throw refusal(`name is too long: browsers take at most ${MAX_COOKIE_BYTES} bytes of name and value`)
  return { name: prefix + name, attributes: { path, ...(domain !== undefined && { domain }), sameSite, secure, httpOnly: true, partitioned } }
}

/** The cookies of each server's instances, by name and place, with the keys that sign what is in them. */
const taken = new WeakMap<object, Map<string, Set<string>>>()

/**
 * Instances in one app may share a cookie if they share a key, and with it the sessions.
 *
 * @param kids the keys of the instance
 * @throws TokenAuthError `FST_TOKEN_AUTH_INVALID_OPTION` where another instance has the cookie and none of the keys: each would take away what the other has set
 */
export function takeCookie ({ server }: FastifyInstance, { name, attributes: { path, domain } }: CookieSettings, kids: string[]): void {
  const cookies = taken.get(server) ?? new Map<string, Set<string>>()
  const place = [name, path, domain].join(' ')
  const others = cookies.get(place) ?? new Set(kids)
  if (!kids.some((kid) => others.has(kid))) throw refusal(`name '${name}' is that of another instance with another secret, and each would end the log-ins of the other: give each a name or a path of its own`)
  taken.set(server, cookies.set(place, new Set([...others, ...kids])))
}

/** Uses the host's @fastify/cookie if it is there, else one in a child scope, where a later one of the host's does not meet it. */
export async function createRefreshCookie (app: FastifyInstance, { name, attributes }: CookieSettings): Promise<RefreshCookie> {
  let { serializeCookie } = app
  if (serializeCookie === undefined) {
    await app.register(async (child) => {
      await child.register(cookie)
      serializeCookie = child.serializeCookie
    })
  }

  const start = `${name}=`
  // our values need no encoding, so the attributes are serialized once and not for each cookie, which takes 3 % of a refresh
  const end = serializeCookie(name, '', attributes).slice(start.length)

  function set (reply: FastifyReply, value: string, maxAge: number): void {
    reply.header('set-cookie', `${start}${value}; Max-Age=${maxAge}${end}`)
  }

  return {
    read (request) {
      // @fastify/cookie would keep the first of several, which is not always ours
      const values = new Set<string>()
      for (const part of (request.headers.cookie ?? '').split(';')) {
        const pair = part.trim()
        if (pair.startsWith(start)) values.add(pair.slice(start.length))
      }
      return [...values]
    },
    write (reply, value, maxAge) {
      if (name.length + value.length > MAX_COOKIE_BYTES) throw new TokenAuthError('TOKEN_TOO_LARGE')
      set(reply, value, maxAge)
    },
    clear (reply) { set(reply, '', 0) }
  }
}

function refusal (problem: string): TokenAuthError {
  return new TokenAuthError('INVALID_OPTION', { message: `cookie.${problem}` })
}
