// Sessions in Redis, Valkey or a cluster of them, through a client of ioredis, iovalkey or node-redis.
import { createHash } from 'node:crypto'
import type { RefreshTokenStore, Rotation, Session } from './store.ts'

/** What the store needs of a client of ioredis or iovalkey, or of their `Cluster`. */
export interface IoredisClient {
  evalsha (sha: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
  eval (script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** What the store needs of a client, pool or cluster of node-redis, the package `redis`. */
export interface NodeRedisClient {
  evalSha (sha: string, options: { keys: string[], arguments: string[] }): Promise<unknown>
  eval (script: string, options: { keys: string[], arguments: string[] }): Promise<unknown>
}

/** Options of `RedisStore`. */
export interface RedisStoreOptions {
  /** A client, connected or about to be. It stays the caller's: the store never closes it. */
  client: IoredisClient | NodeRedisClient
  /** What each key begins with, literally. @default 'token-auth:' */
  keyPrefix?: string
  /** The time in milliseconds since the epoch. @default Date.now */
  clock?: () => number
}

/**
 * Keeps sessions in Redis 6.2 or later, or Valkey, alone or as a cluster.
 *
 * A session is one string with a time to live, and each user has a sorted set of session ids, scored with the time
 * until which the session is listed. Both are reached by scripts of one key each, so that a cluster may keep them
 * wherever it likes. What holds them together is that **a session never outlives its entry in the list**: the entry is
 * written first, for twice as long as the session has to live, and renewed before the session is allowed to live longer;
 * it is taken out only after the session is gone. So whatever is cut off half-way, a live session can be found and
 * revoked by its user.
 *
 * @throws TypeError if the client is none of those named
 */
export class RedisStore implements RefreshTokenStore {
  readonly #evaluate: Evaluate
  readonly #prefix: string
  readonly #clock: () => number

  constructor ({ client, keyPrefix = 'token-auth:', clock = Date.now }: RedisStoreOptions) {
    this.#evaluate = evaluator(client)
    this.#prefix = keyPrefix
    this.#clock = clock
  }

  async create (session: Session): Promise<void> {
    const now = this.#clock()
    if (session.expiresAt <= now) return
    const listedUntil = await this.#list(session, now)
    await this.#evaluate(SET, this.#sessionKey(session.id), [serialize(session, listedUntil), `${session.expiresAt - now}`])
  }

  async advance (id: string, { generation, tokenId, rotatedAt, expiresAt }: Rotation): Promise<Session | null> {
    const now = this.#clock()
    const value = await this.#evaluate(ADVANCE, this.#sessionKey(id), [`${now}`, `${generation}`, `${expiresAt}`, `${rotatedAt}`, JSON.stringify(tokenId)])
    const kept = parse(value, now)
    if (kept === null) return null
    const { session, listedUntil } = kept
    // once in an idle timeout
    if (session.expiresAt > listedUntil && session.tokenId === tokenId) {
      await this.#evaluate(LIVE_LONGER, this.#sessionKey(id), [`${now}`, `${await this.#list(session, now)}`])
    }
    return session
  }

  async find (id: string): Promise<Session | null> {
    return parse(await this.#evaluate(GET, this.#sessionKey(id), []), this.#clock())?.session ?? null
  }

  async delete (id: string): Promise<boolean> {
    const session = await this.#take(id)
    if (session === null) return false
    await this.#unlist(session.userId, [id])
    return true
  }

  async findByUser (userId: string): Promise<Session[]> {
    const sessions = await Promise.all((await this.#listed(userId)).map((id) => this.find(id)))
    return sessions.filter((session) => session !== null)
  }

  async deleteByUser (userId: string, { except }: { except?: string } = {}): Promise<number> {
    const ids = (await this.#listed(userId)).filter((id) => id !== except)
    const taken = await Promise.all(ids.map((id) => this.#take(id)))
    // an entry without a session stays: that session may be about to be written
    const deleted = taken.filter((session) => session !== null).map(({ id }) => id)
    if (deleted.length > 0) await this.#unlist(userId, deleted)
    return deleted.length
  }

  /** List a session with its user, for twice as long as it has to live; resolves to when that ends. */
  async #list ({ id, userId, expiresAt }: Session, now: number): Promise<number> {
    const listedUntil = expiresAt + (expiresAt - now)
    await this.#evaluate(LIST, this.#userKey(userId), [`${now}`, `${listedUntil}`, id])
    return listedUntil
  }

  async #unlist (userId: string, ids: string[]): Promise<void> {
    await this.#evaluate(UNLIST, this.#userKey(userId), ids)
  }

  async #listed (userId: string): Promise<string[]> {
    return await this.#evaluate(LISTED, this.#userKey(userId), [`${this.#clock()}`]) as string[]
  }

  async #take (id: string): Promise<Session | null> {
    return parse(await this.#evaluate(TAKE, this.#sessionKey(id), []), this.#clock())?.session ?? null
  }

  #sessionKey (id: string): string {
    return `${this.#prefix}session:${id}`
  }

  #userKey (userId: string): string {
    return `${this.#prefix}user:${userId}`
  }
}

/** Run a script of one key, in one round trip. */
type Evaluate = (script: Script, key: string, args: string[]) => Promise<unknown>

interface Script {
  text: string
  sha: string
}

function evaluator (client: IoredisClient | NodeRedisClient): Evaluate {
  let byName: (sha: string, key: string, args: string[]) => Promise<unknown>
  let byText: typeof byName
  if (isNodeRedis(client)) {
    byName = (sha, key, args) => client.evalSha(sha, { keys: [key], arguments: args })
    byText = (text, key, args) => client.eval(text, { keys: [key], arguments: args })
  } else if (isIoredis(client)) {
    byName = (sha, key, args) => client.evalsha(sha, 1, key, ...args)
    byText = (text, key, args) => client.eval(text, 1, key, ...args)
  } else {
    throw new TypeError('RedisStore: client has to be a client, pool or cluster of ioredis, iovalkey or node-redis')
  }
  return async ({ text, sha }, key, args) => {
    try {
      return await byName(sha, key, args)
    } catch (error) {
      // a server that was restarted, or has joined the cluster, or was told to forget; EVAL makes it know the script again
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return await byText(text, key, args)
      throw error
    }
  }
}

function isNodeRedis (client: unknown): client is NodeRedisClient {
  return typeof (client as NodeRedisClient | undefined)?.evalSha === 'function'
}

function isIoredis (client: unknown): client is IoredisClient {
  return typeof (client as IoredisClient | undefined)?.evalsha === 'function'
}

function script (text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/**
 * A session is kept as two lines of JSON, which a script can tell apart because JSON has no line break of its own: a
 * list of what a rotation changes, numbers first, and an object of what stays.
 */
function serialize ({ id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope, details }: Session, listedUntil: number): string {
  return `${JSON.stringify([generation, expiresAt, listedUntil, rotatedAt, null, tokenId])}\n${JSON.stringify({ id, userId, createdAt, scope, details })}`
}

function parse (value: unknown, now: number): { session: Session, listedUntil: number } | null {
  if (value === null) return null
  const [head, tail] = (value as string).split('\n') as [string, string]
  const [generation, expiresAt, listedUntil, rotatedAt, previousGeneration, tokenId] = JSON.parse(head)
  if (expiresAt <= now) return null
  const { id, userId, createdAt, scope, details } = JSON.parse(tail)
  const session: Session = { id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope, details }
  if (previousGeneration !== null) session.previousGeneration = previousGeneration
  return { session, listedUntil }
}

const GET = script("return redis.call('GET', KEYS[1])")
const SET = script("redis.call('SET', KEYS[1], ARGV[1], 'PX', math.ceil(ARGV[2]))")
const TAKE = script("return redis.call('GETDEL', KEYS[1])")

/** ARGV: now, generation, expiresAt, rotatedAt, tokenId as JSON. Numbers are written as they came: Lua would round them. */
const ADVANCE = script(`
local value = redis.call('GET', KEYS[1])
if not value then return false end
local generation, expiresAt, listedUntil, tail = string.match(value, '^%[([^,]+),([^,]+),([^,]+).-(\\n.*)$')
local now = tonumber(ARGV[1])
if tonumber(expiresAt) <= now then return false end
if tonumber(generation) < tonumber(ARGV[2]) then
  value = '[' .. table.concat({ARGV[2], ARGV[3], listedUntil, ARGV[4], generation, ARGV[5]}, ',') .. ']' .. tail
  local ttl = math.ceil(math.min(tonumber(ARGV[3]), tonumber(listedUntil)) - now)
  if ttl <= 0 then
    redis.call('DEL', KEYS[1])
    return false
  end
  redis.call('SET', KEYS[1], value, 'PX', ttl)
end
return value`)

/** The entry in the list has been renewed. ARGV: now, listedUntil. */
const LIVE_LONGER = script(`
local value = redis.call('GET', KEYS[1])
if not value then return end
local generation, expiresAt, rest = string.match(value, '^%[([^,]+),([^,]+),[^,]+(.*)$')
local ttl = math.ceil(math.min(tonumber(expiresAt), tonumber(ARGV[2])) - tonumber(ARGV[1]))
redis.call('SET', KEYS[1], '[' .. generation .. ',' .. expiresAt .. ',' .. ARGV[2] .. rest, 'PX', ttl)`)

/** ARGV: now, listedUntil, id. */
const LIST = script(`
local ttl = math.ceil(tonumber(ARGV[2]) - tonumber(ARGV[1]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end`)

/** ARGV: now. */
const LISTED = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)`)

/** ARGV: ids. */
const UNLIST = script("for _, id in ipairs(ARGV) do redis.call('ZREM', KEYS[1], id) end")
