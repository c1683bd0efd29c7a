// The guard: what a request to a guarded route costs, beside the same route without a guard.
import type { Case } from './harness/measure.ts'
import type { Server } from './harness/processes.ts'
import { getMe, getMeByCookie } from './harness/requests.ts'
import { moreLike } from './harness/tokens.ts'

/** As long as a token, and sent to the route without a guard too, so that the guard is all that differs. */
const TEXT = `${'x'.repeat(68)}.${'x'.repeat(224)}.${'x'.repeat(43)}`

const bare: Case = { name: 'no guard', file: 'bare', load: (_server, count) => getMe([TEXT], count) }
const seen = ({ token }: Server, count: number) => getMe([token!], count)
const firstSeen = ({ token }: Server, count: number) => getMe(moreLike(token!, count), count)
const withCookie = ({ cookie }: Server, count: number) => getMeByCookie(cookie!, count)

/** Beside the peers. @param env where Redis is */
export const guards = (env: Record<string, string>): Case[] => [
  bare,
  { name: 'fastify-token-auth, HS256, token seen before', file: 'ours HS256', load: seen },
  { name: 'fastify-token-auth, EdDSA, token seen before', file: 'ours EdDSA', load: seen },
  { name: 'fastify-token-auth, HS256, every token new', file: 'ours HS256', load: firstSeen },
  { name: '— the same without its memory', file: 'ours HS256 1 no-memory', load: firstSeen },
  { name: 'fastify-token-auth, EdDSA, every token new', file: 'ours EdDSA', load: firstSeen, part: 0.4 },
  { name: 'by hand, one HMAC, every token new', file: 'ideal', load: firstSeen },
  { name: 'by hand, a map of seen tokens', file: 'ideal memory', load: seen },
  { name: 'fast-jwt in a hook', file: 'fast-jwt', load: seen },
  { name: 'fast-jwt in a hook, its cache on', file: 'fast-jwt cache', load: seen },
  { name: '@fastify/jwt, HS256', file: 'fastify-jwt HS256', load: seen },
  { name: '@fastify/jwt, HS256, its cache on', file: 'fastify-jwt HS256 cache', load: seen },
  { name: '@fastify/jwt, RS256', file: 'fastify-jwt RS256', load: seen, part: 0.6 },
  { name: '@fastify/jwt, EdDSA', file: 'fastify-jwt EdDSA', load: seen, part: 0.4 },
  { name: '@fastify/secure-session', file: 'secure-session', load: withCookie },
  { name: '@fastify/session, in memory', file: 'fastify-session', load: withCookie },
  { name: '@fastify/session, on Redis', file: 'fastify-session redis', env, load: withCookie, part: 0.6 },
  { name: 'Express, passport-jwt, the secret a KeyObject', file: 'express-passport key', load: seen, part: 0.4 },
  { name: 'Express, passport-jwt, the secret a string', file: 'express-passport', load: seen, part: 0.1 },
  { name: 'better-auth, in memory', file: 'better-auth', load: withCookie, part: 0.1 },
  { name: 'better-auth, in memory, its cookie cache on', file: 'better-auth cache', load: withCookie, part: 0.1 }
]

/** How the cost grows with the keys, the tokens and their length; each table has a first row of its own to compare with. */
export const growth: Record<string, Case[]> = {
  'Number of keys, every token new and signed with the last key': [1, 2, 4, 8].map((keys) => ({
    name: `${keys}`,
    file: `ours HS256 ${keys}`,
    load: firstSeen
  })),
  'Number of different tokens in use, in random order': [1, 10, 100, 1000, 10_000].map((tokens) => ({
    name: `${tokens}`,
    file: 'ours HS256',
    load: ({ token }, count) => getMe(pick(manyTokens(token!, tokens), count), count),
    async prepare (server, sendLoad) {
      // a token is remembered from its second sight on
      const all = manyTokens(server.token!, tokens)
      for (let time = 0; time < 2; time++) await sendLoad(getMe(all, all.length))
    }
  })),
  'Length of the token in bytes, seen before; beside a route without a guard that is sent the same': [350, 1000, 2000, 4000].flatMap((length): Case[] => [
    { name: `${length}, no guard`, file: 'bare', load: (_server, count) => getMe(['x'.repeat(length)], count) },
    { name: `${length}, guarded`, file: 'ours HS256', load: ({ token }, count) => getMe([longToken(token!, length)], count) }
  ])
}

const pools = new Map<string, string[]>()

/** The same tokens again for the same server. */
function manyTokens (token: string, count: number): string[] {
  const key = `${count} ${token}`
  const tokens = pools.get(key) ?? (count === 1 ? [token] : moreLike(token, count))
  pools.set(key, tokens)
  return tokens
}

function pick (tokens: string[], count: number): string[] {
  return Array.from({ length: count }, () => tokens[Math.floor(Math.random() * tokens.length)]!)
}

/** Always the same, so that it has been seen. */
function longToken (token: string, length: number): string {
  const key = `long ${length} ${token}`
  const found = pools.get(key) ?? moreLike(token, 1, Math.max(1, Math.floor((length - token.length) * 0.75) - 9))
  pools.set(key, found)
  return found[0]!
}
