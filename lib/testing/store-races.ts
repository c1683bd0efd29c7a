// The tests of a store under races: one winner, the highest generation, and nothing that comes back from the dead.
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { RefreshTokenStore, Rotation, Session } from '../stores/store.ts'
import { assertGone, assertSession, assertSessions, type Check, create, newRotation, newSession } from './store-sessions.ts'

const RACERS = 500
const ROUNDS = 20

export const raceTests: Record<string, Check> = {
  async '500 racing tokens of one generation: exactly one wins, and all see it' (store) {
    // all at once, and spread over some turns of the event loop: a store that reads and then writes fails at one or the other
    for (const turns of [0, 1, 3, 10]) {
      const session = await create(store)
      const rotations = Array.from({ length: RACERS }, () => newRotation(1))
      const results = await advanceAll(store, session, rotations, turns)
      const winner = winnerAmong(rotations, results[0])
      for (const result of results) assertSession(result, { ...session, ...winner }, 'every racer sees the one winner, all of its fields')
      assertSession(await store.find(session.id), { ...session, ...winner }, 'find() after the race')
      assert.ok([undefined, 0].includes(results[0]?.previousGeneration), 'previousGeneration after a race from generation 0')
    }
  },

  async 'racing generations, out of order: the highest wins, and none sees a lower one than its own' (store) {
    const session = await create(store)
    const generations = Array.from({ length: RACERS }, (_, index) => 1 + (index * 7) % 100)
    const rotations = generations.map((generation) => newRotation(generation))
    const results = await advanceAll(store, session, rotations, 3)
    for (const [index, result] of results.entries()) {
      const winner = winnerAmong(rotations, result)
      assertSession(result, { ...session, ...winner }, 'a racer sees the fields of one rotation')
      assert.ok(winner.generation >= generations[index]!, `the racer of generation ${generations[index]} saw generation ${winner.generation}`)
    }
    const final = await store.find(session.id)
    assert.equal(final?.generation, 100, 'the generation after the race')
    assertSession(final, { ...session, ...winnerAmong(rotations, final) }, 'the fields of one rotation after the race')
    const sightings = new Set(results.filter((result) => result?.generation === 100).map((result) => result?.tokenId))
    assert.deepEqual([...sightings], [final.tokenId], 'the one winner of the highest generation')
  },

  async 'racing sessions of one user do not disturb each other' (store) {
    const { userId } = newSession()
    const sessions = await Promise.all(Array.from({ length: ROUNDS }, () => create(store, { userId })))
    const rotations = sessions.map((_, index) => newRotation(index + 1))
    await Promise.all(sessions.map(({ id }, index) => store.advance(id, rotations[index]!)))
    assertSessions(await store.findByUser(userId), sessions.map((session, index) => ({ ...session, ...rotations[index]! })), 'findByUser() after the race')
  },

  async 'delete() racing advance(): afterwards there is nothing, and exactly one delete() ended it' (store) {
    for (let round = 0; round < ROUNDS; round++) {
      const session = await create(store)
      const deletions = await amongAdvances(store, session, () => [store.delete(session.id), store.delete(session.id)])
      assert.deepEqual(deletions.sort(), [false, true], 'what two racing delete() resolve to')
      await assertGone(store, session, 'after delete() raced advance()')
    }
  },

  async 'deleteByUser() racing advance(): afterwards there is nothing' (store) {
    for (let round = 0; round < ROUNDS; round++) {
      const session = await create(store)
      const deletions = await amongAdvances(store, session, () => [store.deleteByUser(session.userId)])
      assert.deepEqual(deletions, [1], 'what deleteByUser() resolves to')
      await assertGone(store, session, 'after deleteByUser() raced advance()')
    }
  },

  async 'deleteByUser() racing create(): what it leaves is listed, and what was there before is gone' (store) {
    for (let round = 0; round < ROUNDS; round++) {
      const before = await create(store)
      const { userId } = before
      const racing = Array.from({ length: 10 }, () => newSession({ userId }))
      await Promise.all([
        ...racing.slice(5).map((session) => store.create(session)),
        store.deleteByUser(userId),
        store.findByUser(userId),
        ...racing.slice(0, 5).map((session) => store.create(session))
      ])
      assert.equal(await store.find(before.id), null, 'the session that was there before')
      const left = []
      for (const session of racing) if (await store.find(session.id) !== null) left.push(session)
      assertSessions(await store.findByUser(userId), left, 'findByUser() after the race')
      assert.equal(await store.deleteByUser(userId), left.length, 'deleteByUser() after the race')
      for (const { id } of left) assert.equal(await store.find(id), null, 'a session that raced, after the second deleteByUser()')
    }
  }
}

/** Start all rotations, each after a random number of turns of the event loop. */
async function advanceAll (store: RefreshTokenStore, { id }: Session, rotations: Rotation[], turns: number): Promise<(Session | null)[]> {
  return await Promise.all(rotations.map(async (rotation) => {
    for (let turn = Math.floor(Math.random() * (turns + 1)); turn > 0; turn--) await setImmediate()
    return await store.advance(id, rotation)
  }))
}

function winnerAmong (rotations: Rotation[], session: Session | null | undefined): Rotation {
  const winner = rotations.find(({ tokenId }) => tokenId === session?.tokenId)
  assert.ok(winner, 'a racer must see the token of a racer')
  return winner
}

/** Start deletions amid a crowd of advances; resolves to what the deletions resolve to. */
async function amongAdvances<Result> (store: RefreshTokenStore, { id }: Session, deletions: () => Promise<Result>[]): Promise<Result[]> {
  const before = [1, 2, 3, 4, 5].map((generation) => store.advance(id, newRotation(generation)))
  const results = deletions()
  const after = [6, 7, 8, 9, 10].map((generation) => store.advance(id, newRotation(generation)))
  await Promise.all([...before, ...after])
  return await Promise.all(results)
}
