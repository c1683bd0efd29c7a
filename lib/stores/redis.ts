// Sessions in Redis, Valkey or a cluster of them, through a client of ioredis, iovalkey or node-redis.
import { setTimeout } from 'node:timers/promises'
import { type IoredisClient, type NodeRedisClient, type RedisCaller, redisCaller } from './redis-client.ts'
import { ADVANCE, GET, LIST, LISTED, LIVE_LONGER, SET, TAKE, TELL, TOLD, UNLIST } from './redis-scripts.ts'
import type { RefreshTokenStore, Rotation, Session } from './store.ts'

export type { IoredisClient, NodeRedisClient }

/** Options of `RedisStore`. */
export interface RedisStoreOptions {
  /** A client, connected or about to be. It stays the caller's: the store never closes it. */
  client: IoredisClient | NodeRedisClient
  /** What each key begins with, literally. @default 'token-auth:' */
  keyPrefix?: string
  /** The time in milliseconds since the epoch. @default Date.now */
  clock?: () => number
}

/** How long to wait before another try to hear of revocations. */
const RETRY_MS = 1000

/**
 * Keeps sessions in Redis 7 or later, or Valkey, alone or as a cluster.
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
  readonly #redis: RedisCaller
  readonly #prefix: string
  readonly #clock: () => number

  constructor ({ client, keyPrefix = 'token-auth:', clock = Date.now }: RedisStoreOptions) {
    this.#redis = redisCaller(client)
    this.#prefix = keyPrefix
    this.#clock = clock
  }

  async create (session: Session): Promise<void> {
    const now = this.#clock()
    if (session.expiresAt <= now) return
    const listedUntil = await this.#list(session, now)
    await this.#redis.evaluate(SET, this.#sessionKey(session.id), [serialize(session, listedUntil), `${session.expiresAt - now}`])
  }

  async advance (id: string, { generation, tokenId, rotatedAt, expiresAt }: Rotation): Promise<Session | null> {
    const now = this.#clock()
    const value = await this.#redis.evaluate(ADVANCE, this.#sessionKey(id), [`${now}`, `${generation}`, `${expiresAt}`, `${rotatedAt}`, JSON.stringify(tokenId)])
    const kept = parse(value, now)
    if (kept === null) return null
    const { session, listedUntil } = kept
    // once in as long as a session lives unused
    if (session.expiresAt > listedUntil && session.tokenId === tokenId) {
      await this.#redis.evaluate(LIVE_LONGER, this.#sessionKey(id), [`${now}`, `${await this.#list(session, now)}`])
    }
    return session
  }

  async find (id: string): Promise<Session | null> {
    return parse(await this.#redis.evaluate(GET, this.#sessionKey(id), []), this.#clock())?.session ?? null
  }

  async delete (id: string): Promise<boolean> {
    const session = await this.#take(id)
    if (session === null) return false
    await this.#forget(session.userId, [id])
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
    if (deleted.length > 0) await this.#forget(userId, deleted)
    return deleted.length
  }

  /**
   * Report sessions deleted by any process: within milliseconds, over a connection of its own (once a second where the
   * client is a pool of node-redis). Those of the last hour are reported too, on subscribing and after each loss of the
   * connection, so that a process that was not there learns what it has missed.
   *
   * @throws what the client throws if the server cannot be reached
   */
  async subscribe (onRevoked: (sessionId: string) => void): Promise<() => Promise<void>> {
    const { evaluate, openWaiter } = this.#redis
    const key = this.#revokedKey()
    const ending = new AbortController()
    let last = '0'
    async function catchUp (): Promise<void> {
      const told = await evaluate(TOLD, key, [last]) as string[]
      for (let index = 0; index < told.length; index += 2) {
        last = told[index] as string
        onRevoked(told[index + 1] as string)
      }
      if (told.length > 0) await catchUp()
    }
    await catchUp()
    const waiter = await openWaiter()
    async function follow (): Promise<void> {
      while (!ending.signal.aborted) {
        try {
          await waiter.wait(key, last)
          await catchUp()
        } catch {
          await setTimeout(RETRY_MS, undefined, { ref: false, signal: ending.signal }).catch(() => {})
        }
      }
    }
    const following = follow()
    return async () => {
      ending.abort()
      waiter.close()
      await following
    }
  }

  /** List a session with its user, for twice as long as it has to live; resolves to when that ends. */
  async #list ({ id, userId, expiresAt }: Session, now: number): Promise<number> {
    const listedUntil = expiresAt + (expiresAt - now)
    await this.#redis.evaluate(LIST, this.#userKey(userId), [`${now}`, `${listedUntil}`, id])
    return listedUntil
  }

  /** Take deleted sessions out of the list, and tell all processes. */
  async #forget (userId: string, ids: string[]): Promise<void> {
    await Promise.all([
      this.#redis.evaluate(UNLIST, this.#userKey(userId), ids),
      this.#redis.evaluate(TELL, this.#revokedKey(), ids)
    ])
  }

  async #listed (userId: string): Promise<string[]> {
    return await this.#redis.evaluate(LISTED, this.#userKey(userId), [`${this.#clock()}`]) as string[]
  }

  async #take (id: string): Promise<Session | null> {
    return parse(await this.#redis.evaluate(TAKE, this.#sessionKey(id), []), this.#clock())?.session ?? null
  }

  #sessionKey (id: string): string {
    return `${this.#prefix}session:${id}`
  }

  #userKey (userId: string): string {
    return `${this.#prefix}user:${userId}`
  }

  #revokedKey (): string {
    return `${this.#prefix}revoked`
  }
}

/**
 * A session is kept as two lines of JSON, which a script can tell apart because JSON has no line break of its own: a
 * list of what a rotation changes, numbers first, and an object of what stays.
 */
function serialize ({ id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope, details }: Session, listedUntil: number): string {
  return `${JSON.stringify([generation, expiresAt, listedUntil, rotatedAt, null, tokenId])}\n${JSON.stringify({ id, userId, createdAt, scope, details })}`
}

function parse (value: unknown, now: number): { session: Session, listedUntil: number } | null {
  // empty where it was deleted
  if (value === null || value === '') return null
  const [head, tail] = (value as string).split('\n') as [string, string]
  const [generation, expiresAt, listedUntil, rotatedAt, previousGeneration, tokenId] = JSON.parse(head)
  if (expiresAt <= now) return null
  const { id, userId, createdAt, scope, details } = JSON.parse(tail)
  const session: Session = { id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope, details }
  if (previousGeneration !== null) session.previousGeneration = previousGeneration
  return { session, listedUntil }
}
