// The tests of a store's methods, one after the other: what each does, and that an expired session is as good as none.
import assert from 'node:assert/strict'
import { assertGone, assertSession, assertSessions, type Check, create, newRotation, newSession, past, randomId, until } from './store-sessions.ts'

export const behaviourTests: Record<string, Check> = {
  async 'create() keeps a session and find() resolves to it' (store) {
    const session = await create(store)
    assertSession(await store.find(session.id), session, 'find() after create()')
  },

  async 'what was never created is not there, for any method' (store) {
    await assertGone(store, newSession(), 'a session that never was')
  },

  async 'advance() takes all fields of a rotation to a higher generation and leaves the others' (store) {
    const session = await create(store)
    for (const generation of [1, 2, 7]) {
      const rotation = newRotation(generation)
      const expected = { ...session, ...rotation }
      assertSession(await store.advance(session.id, rotation), expected, `advance() to generation ${generation}`)
      assertSession(await store.find(session.id), expected, `find() after advance() to generation ${generation}`)
      assertSessions(await store.findByUser(session.userId), [expected], `findByUser() after advance() to generation ${generation}`)
    }
  },

  async 'advance() to the same or a lower generation changes nothing and resolves to the session as it stands' (store) {
    const session = await create(store)
    assertSession(await store.advance(session.id, newRotation(0)), session, 'advance() from 0 to 0')
    const rotation = newRotation(3)
    await store.advance(session.id, rotation)
    const expected = { ...session, ...rotation }
    for (const generation of [3, 2, 0]) {
      assertSession(await store.advance(session.id, newRotation(generation)), expected, `advance() from 3 to ${generation}`)
      assertSession(await store.find(session.id), expected, `find() after advance() from 3 to ${generation}`)
    }
  },

  async 'advance() moves one session only' (store) {
    const session = await create(store)
    const sameUser = await create(store, { userId: session.userId })
    const another = await create(store)
    const rotation = newRotation(1)
    await store.advance(session.id, rotation)
    assertSessions(await store.findByUser(session.userId), [{ ...session, ...rotation }, sameUser], 'sessions of the user')
    assertSession(await store.find(another.id), another, 'session of another user')
  },

  async 'previousGeneration, where a store keeps it, is the generation that the last move replaced' (store) {
    const { id } = await create(store)
    assert.equal((await store.find(id))?.previousGeneration, undefined, 'previousGeneration of a session that never moved')
    const first = await store.advance(id, newRotation(1))
    if (first?.previousGeneration === undefined) return
    assert.equal(first.previousGeneration, 0, 'advance() from 0 to 1')
    for (const [generation, expected] of [[1, 0], [5, 1], [5, 1], [2, 1], [6, 5]] as const) {
      const session = await store.advance(id, newRotation(generation))
      assert.equal(session?.previousGeneration, expected, `previousGeneration after advance() to ${generation}`)
      assert.equal((await store.find(id))?.previousGeneration, expected, `previousGeneration of find() after advance() to ${generation}`)
    }
  },

  async 'delete() ends one session and resolves to whether there was one' (store) {
    const session = await create(store)
    const other = await create(store, { userId: session.userId })
    assert.equal(await store.delete(session.id), true, 'delete() of a session')
    assert.equal(await store.delete(session.id), false, 'delete() a second time')
    assert.equal(await store.find(session.id), null, 'find() after delete()')
    assert.equal(await store.advance(session.id, newRotation(1)), null, 'advance() after delete()')
    assertSessions(await store.findByUser(session.userId), [other], 'findByUser() after delete()')
  },

  async 'findByUser() resolves to all sessions of that user and to no other' (store) {
    const { userId } = newSession()
    const sessions = [await create(store, { userId }), await create(store, { userId }), await create(store, { userId })]
    await create(store)
    assertSessions(await store.findByUser(userId), sessions, 'findByUser()')
    assert.deepEqual(await store.findByUser(randomId()), [], 'findByUser() of a user without a session')
  },

  async 'deleteByUser() ends all sessions of that user and resolves to their number' (store) {
    const session = await create(store)
    await create(store, { userId: session.userId })
    const another = await create(store)
    assert.equal(await store.deleteByUser(session.userId), 2, 'deleteByUser()')
    await assertGone(store, session, 'after deleteByUser()')
    assertSession(await store.find(another.id), another, 'session of another user after deleteByUser()')
  },

  async 'deleteByUser() spares the session that is excepted' (store) {
    const spared = await create(store)
    const { userId } = spared
    const ended = await create(store, { userId })
    const another = await create(store)
    assert.equal(await store.deleteByUser(userId, { except: spared.id }), 1, 'deleteByUser() of two sessions, one excepted')
    assert.equal(await store.find(ended.id), null, 'the other session')
    assertSessions(await store.findByUser(userId), [spared], 'findByUser() after deleteByUser() with except')
    assert.equal(await store.deleteByUser(userId, { except: another.id }), 1, "deleteByUser() with another user's session excepted")
    assertSession(await store.find(another.id), another, "another user's session, excepted")
    assert.equal(await store.deleteByUser(another.userId, {}), 1, 'deleteByUser() with empty options')
  },

  async 'a session that has expired is as good as none, for every method' (store) {
    const expired = await create(store, { expiresAt: past() })
    await assertGone(store, expired, 'a session that has expired')
    const { userId } = expired
    const alive = await create(store, { userId })
    await create(store, { userId, expiresAt: past() })
    assertSessions(await store.findByUser(userId), [alive], 'findByUser() of an expired and a live session')
    assert.equal(await store.deleteByUser(userId), 1, 'deleteByUser() of an expired and a live session')
  },

  async 'advance() moves the time of expiry' (store) {
    const session = await create(store)
    await store.advance(session.id, newRotation(1, { expiresAt: past() }))
    await assertGone(store, session, 'a session that advance() has let expire')
  },

  async 'subscribe(), where a store has it, reports the sessions that are deleted and no others, until the subscription ends' (store) {
    if (store.subscribe === undefined) return
    const { userId } = newSession()
    const [deleted, deletedWithUser, spared] = [await create(store), await create(store, { userId }), await create(store, { userId })]
    const expired = await create(store, { expiresAt: past() })
    const [first, second] = [new Set<string>(), new Set<string>()]
    const unsubscribe = await store.subscribe((id) => { first.add(id) })
    const unsubscribeSecond = await store.subscribe((id) => { second.add(id) })
    await store.advance(deleted.id, newRotation(1))
    await store.delete(expired.id)
    await store.delete(deleted.id)
    await store.deleteByUser(userId, { except: spared.id })
    for (const reported of [first, second]) {
      await until(() => reported.has(deleted.id), 'subscribe() must report what delete() ended')
      await until(() => reported.has(deletedWithUser.id), 'subscribe() must report what deleteByUser() ended')
      assert.ok(!reported.has(spared.id), 'subscribe() reported a session that lives')
      assert.ok(!reported.has(expired.id), 'subscribe() reported a session that had expired')
    }
    await unsubscribe()
    await store.delete(spared.id)
    await until(() => second.has(spared.id), 'subscribe() must go on for others after one subscription has ended')
    await unsubscribeSecond()
    assert.ok(!first.has(spared.id), 'subscribe() reported after the subscription had ended')
  }
}
