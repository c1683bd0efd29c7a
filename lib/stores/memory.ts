// Sessions in the memory of one process: for development, tests and single-process apps that may forget at a restart.
import type { RefreshTokenStore, Rotation, Session } from './store.ts'
import { Subscribers } from './subscribers.ts'

/** Options of `MemoryStore`. */
export interface MemoryStoreOptions {
  /** How many sessions are kept at most; one more evicts the one that has not been refreshed for longest. @default 100_000 */
  maxSessions?: number
  /** The time in milliseconds since the epoch. @default Date.now */
  clock?: () => number
}

const SWEEP_INTERVAL_MS = 100
const SWEEP_SLICE = 100
const SHARDS = 256

/** A session as it is kept: on a ring, least recently rotated first. */
interface Entry extends Omit<Session, 'details'> {
  /** As JSON: one string is smaller than an object, and no caller can reach into it. */
  details: string
  older: Entry
  newer: Entry
}

/**
 * Keeps sessions in memory, within a bound, and drops expired ones bit by bit: the sweep looks at a hundred sessions
 * ten times a second, so it never holds up the event loop, however many there are. Its timer runs only while there are
 * sessions and does not keep the process alive.
 *
 * @throws RangeError if `maxSessions` is not a positive whole number
 */
export class MemoryStore implements RefreshTokenStore {
  readonly #maxSessions: number
  readonly #clock: () => number
  readonly #sessions = new ShardedMap<Entry>()
  readonly #subscribers = new Subscribers()
  readonly #byUser = new ShardedMap<Set<Entry>>()
  /** The ring's fixed point: the oldest session follows it, the newest precedes it. */
  readonly #ring: Entry
  #size = 0
  #cursor: Entry
  #timer: NodeJS.Timeout | undefined

  constructor ({ maxSessions = 100_000, clock = Date.now }: MemoryStoreOptions = {}) {
    if (!Number.isSafeInteger(maxSessions) || maxSessions < 1) throw new RangeError('maxSessions must be a positive whole number')
    this.#maxSessions = maxSessions
    this.#clock = clock
    const ring = {} as Entry
    ring.older = ring.newer = ring
    this.#ring = this.#cursor = ring
  }

  /** How many sessions are kept, expired ones that the sweep has not met yet among them. */
  get size (): number {
    return this.#size
  }

  async create (session: Session): Promise<void> {
    if (this.#size === this.#maxSessions) this.#remove(this.#ring.newer)
    const { id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt } = session
    const entry: Entry = {
      id,
      userId,
      generation,
      tokenId,
      createdAt,
      rotatedAt,
      expiresAt,
      scope: [...session.scope],
      details: JSON.stringify(session.details),
      older: this.#ring,
      newer: this.#ring
    }
    this.#sessions.set(id, entry)
    const ofUser = this.#byUser.get(userId)
    if (ofUser === undefined) this.#byUser.set(userId, new Set([entry]))
    else ofUser.add(entry)
    this.#append(entry)
    this.#size++
    this.#timer ??= setInterval(() => { this.#sweep() }, SWEEP_INTERVAL_MS).unref()
  }

  async advance (id: string, rotation: Rotation): Promise<Session | null> {
    const entry = this.#alive(id)
    if (entry !== undefined && entry.generation < rotation.generation) {
      entry.previousGeneration = entry.generation
      entry.generation = rotation.generation
      entry.tokenId = rotation.tokenId
      entry.rotatedAt = rotation.rotatedAt
      entry.expiresAt = rotation.expiresAt
      this.#unlink(entry)
      this.#append(entry)
    }
    return entry !== undefined && this.#isAlive(entry) ? toSession(entry) : null
  }

  async find (id: string): Promise<Session | null> {
    const entry = this.#alive(id)
    return entry === undefined ? null : toSession(entry)
  }

  async delete (id: string): Promise<boolean> {
    const entry = this.#alive(id)
    if (entry === undefined) return false
    this.#revoke(entry)
    return true
  }

  async findByUser (userId: string): Promise<Session[]> {
    return this.#aliveOf(userId).map(toSession)
  }

  async deleteByUser (userId: string, { except }: { except?: string } = {}): Promise<number> {
    const entries = this.#aliveOf(userId).filter(({ id }) => id !== except)
    for (const entry of entries) this.#revoke(entry)
    return entries.length
  }

  /** Report sessions that `delete` and `deleteByUser` of this object end; what gives way or expires is not revoked. */
  async subscribe (onRevoked: (sessionId: string) => void): Promise<() => Promise<void>> {
    return this.#subscribers.add(onRevoked)
  }

  /** Forget all sessions and stop the sweep. */
  close (): void {
    while (this.#size > 0) this.#remove(this.#ring.newer)
  }

  #isAlive (entry: Entry): boolean {
    return entry.expiresAt > this.#clock()
  }

  #alive (id: string): Entry | undefined {
    const entry = this.#sessions.get(id)
    return entry !== undefined && this.#isAlive(entry) ? entry : undefined
  }

  #aliveOf (userId: string): Entry[] {
    return [...this.#byUser.get(userId) ?? []].filter((entry) => this.#isAlive(entry))
  }

  #append (entry: Entry): void {
    entry.older = this.#ring.older
    entry.newer = this.#ring
    entry.older.newer = this.#ring.older = entry
  }

  #unlink (entry: Entry): void {
    // the sweep must not follow a session out of the ring
    if (this.#cursor === entry) this.#cursor = entry.newer
    entry.older.newer = entry.newer
    entry.newer.older = entry.older
  }

  #revoke (entry: Entry): void {
    this.#remove(entry)
    this.#subscribers.tell(entry.id)
  }

  #remove (entry: Entry): void {
    this.#sessions.delete(entry.id)
    const ofUser = this.#byUser.get(entry.userId) as Set<Entry>
    ofUser.delete(entry)
    if (ofUser.size === 0) this.#byUser.delete(entry.userId)
    this.#unlink(entry)
    this.#size--
    if (this.#size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #sweep (): void {
    const looks = Math.min(SWEEP_SLICE, this.#size + 1)
    for (let looked = 0; looked < looks; looked++) {
      const entry = this.#cursor
      this.#cursor = entry.newer
      if (entry !== this.#ring && !this.#isAlive(entry)) this.#remove(entry)
    }
  }
}

function toSession ({ id, userId, generation, previousGeneration, tokenId, createdAt, rotatedAt, expiresAt, scope, details }: Entry): Session {
  const session: Session = { id, userId, generation, tokenId, createdAt, rotatedAt, expiresAt, scope: [...scope], details: JSON.parse(details) }
  if (previousGeneration !== undefined) session.previousGeneration = previousGeneration
  return session
}

/** A Map in parts: growing or shrinking one Map of a million entries copies it and stops the process for tenths of a second. */
class ShardedMap<Value> {
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<string, Value>())

  get (key: string): Value | undefined {
    return this.#shard(key).get(key)
  }

  set (key: string, value: Value): void {
    this.#shard(key).set(key, value)
  }

  delete (key: string): void {
    this.#shard(key).delete(key)
  }

  #shard (key: string): Map<string, Value> {
    let hash = 0
    for (let index = 0; index < key.length; index++) hash = (hash * 31 + key.charCodeAt(index)) | 0
    return this.#shards[hash & (SHARDS - 1)] as Map<string, Value>
  }
}
