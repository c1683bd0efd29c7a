// Sessions, rotations and comparisons that the tests of stores share.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { RefreshTokenStore, Rotation, Session } from '../stores/store.ts'

/** What one test of the suite does with a store. */
export type Check = (store: RefreshTokenStore) => Promise<void>

const HOUR = 3_600_000
const PATIENCE_MS = 5_000

/** An id like those that the plugin makes. */
export function randomId (): string {
  return randomBytes(16).toString('base64url')
}

/** Now, with milliseconds that a store must not round away. */
function nowWithOddMilliseconds (): number {
  return Math.floor(Date.now() / 1000) * 1000 - 211
}

/** A session as a login makes it, of a user of its own, good for an hour. */
export function newSession (fields: Partial<Session> = {}): Session {
  const now = nowWithOddMilliseconds()
  return {
    id: randomId(),
    userId: `user-${randomId()}`,
    generation: 0,
    tokenId: randomId(),
    createdAt: now,
    rotatedAt: now,
    expiresAt: now + HOUR,
    scope: ['read', 'write'],
    details: { userAgent: 'Mozilla/5.0', ip: '127.0.0.1' },
    ...fields
  }
}

/** A rotation to a generation; each has a token and times of its own. */
export function newRotation (generation: number, fields: Partial<Rotation> = {}): Rotation {
  const offset = Math.floor(Math.random() * 1_000_000)
  const now = nowWithOddMilliseconds() + offset
  return { generation, tokenId: randomId(), rotatedAt: now, expiresAt: now + HOUR, ...fields }
}

/** A moment that has passed. */
export function past (): number {
  return nowWithOddMilliseconds() - HOUR
}

/** Create a session and give back what was created. */
export async function create (store: RefreshTokenStore, fields?: Partial<Session>): Promise<Session> {
  const session = newSession(fields)
  await store.create(session)
  return session
}

/** Compare a session with what it should be, but for `previousGeneration`, which a store may leave out. */
export function assertSession (actual: Session | null | undefined, expected: Session, message: string): asserts actual is Session {
  assert.ok(actual, `${message}: there is no session`)
  assert.deepEqual(comparable(actual), comparable(expected), message)
}

/** Compare sessions in any order. */
export function assertSessions (actual: Session[], expected: Session[], message: string): void {
  assert.deepEqual(actual.map(comparable).sort(byId), expected.map(comparable).sort(byId), message)
}

/** Wait for what may take a moment, such as news from a server. */
export async function until (holds: () => boolean, message: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!holds()) {
    assert.ok(Date.now() < deadline, message)
    await setTimeout(10)
  }
}

/** Check that a session is gone for every method that could still see it. */
export async function assertGone (store: RefreshTokenStore, { id, userId }: Session, message: string): Promise<void> {
  assert.equal(await store.find(id), null, `${message}: find() still sees the session`)
  assert.deepEqual(await store.findByUser(userId), [], `${message}: findByUser() still sees the session`)
  assert.equal(await store.advance(id, newRotation(1_000)), null, `${message}: advance() still sees the session`)
  assert.equal(await store.find(id), null, `${message}: advance() brought the session back`)
  assert.equal(await store.delete(id), false, `${message}: delete() still sees the session`)
  assert.equal(await store.deleteByUser(userId), 0, `${message}: deleteByUser() still sees the session`)
}

function comparable (session: Session) {
  return { ...session, previousGeneration: undefined }
}

function byId (one: { id: string }, other: { id: string }): number {
  return one.id < other.id ? -1 : 1
}
