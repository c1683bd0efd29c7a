// The tests of what a store keeps: ids of any kind, values exactly as they were, and copies of its own.
import assert from 'node:assert/strict'
import type { Session, SessionDetails } from '../stores/store.ts'
import { assertSession, assertSessions, type Check, create, newRotation, newSession, randomId } from './store-sessions.ts'

/** Ids with a meaning in JavaScript, SQL, Redis, JSON, URLs or file systems; those in a row must not be taken for each other. */
const UNUSUAL_IDS = [
  '__proto__', 'constructor', 'toString', 'null', 'undefined', 'true', '0', '00', '-1', '1e3', '{}', '[]', '{a}', '{b}',
  "o'hara", '"quoted"', '`ticked`', "'; DROP TABLE sessions; --", '$1', '?', ':id', '@id', '\\', '\\0',
  'a:b', 'a', 'a ', ' a', 'A', 'a*', 'ab', 'a?', '[ab]', 'a%', 'a_', '*', '%', '_', '..', '../a', 'a/b', 'a\nb', 'a\tb',
  'é', 'e\u0301', 'ß', 'ss', 'İ', 'i', '用户', '👩‍👩‍👧', 'x'.repeat(255)
]

const DETAILS: SessionDetails[] = [
  {},
  { text: 'quotes \' " ` \\, lines\r\n, tabs\t, 用户 👩‍👩‍👧', empty: '' },
  { integer: 1, negative: -1, fraction: 0.1, large: Number.MAX_SAFE_INTEGER, tiny: 5e-324, huge: 1.7976931348623157e308 },
  { yes: true, no: false, nothing: null, text: 'null', number: '1' },
  { nested: { list: [1, 'two', [3, { four: [] }], {}], deep: { deeper: { deepest: null } } } },
  JSON.parse('{ "__proto__": { "polluted": true }, "constructor": 1, "a.b": 2, "$set": 3, "": 4 }')
]

export const valueTests: Record<string, Check> = {
  async 'session ids may be any text, and each is its own' (store) {
    const suffix = randomId()
    const sessions = []
    for (const unusual of UNUSUAL_IDS) sessions.push(await create(store, { id: `${unusual}${suffix}` }), await create(store, { id: `${suffix}${unusual}` }))
    for (const session of sessions) assertSession(await store.find(session.id), session, `find() of the id ${JSON.stringify(session.id)}`)
    for (const session of sessions) {
      const rotation = newRotation(1)
      const expected = { ...session, ...rotation }
      assertSession(await store.advance(session.id, rotation), expected, `advance() of the id ${JSON.stringify(session.id)}`)
      assert.equal(await store.delete(session.id), true, `delete() of the id ${JSON.stringify(session.id)}`)
    }
  },

  async 'user ids may be any text, and each is its own' (store) {
    for (const userId of UNUSUAL_IDS) await store.deleteByUser(userId)
    const sessions = []
    for (const userId of UNUSUAL_IDS) sessions.push(await create(store, { userId }))
    for (const session of sessions) assertSessions(await store.findByUser(session.userId), [session], `findByUser(${JSON.stringify(session.userId)})`)
    for (const { userId } of sessions) assert.equal(await store.deleteByUser(userId), 1, `deleteByUser(${JSON.stringify(userId)})`)
  },

  async 'scope and details come back exactly as they were' (store) {
    for (const details of DETAILS) {
      const session = await create(store, { details })
      const text = JSON.stringify(details)
      assertSession(await store.find(session.id), session, `find() with details ${text}`)
      assertSessions(await store.findByUser(session.userId), [session], `findByUser() with details ${text}`)
      const rotation = newRotation(1)
      assertSession(await store.advance(session.id, rotation), { ...session, ...rotation }, `advance() with details ${text}`)
    }
    for (const scope of [[], [''], ['b', 'a', 'b'], ['a b', 'a,b', '{a}', '"', '用户'], ['null'], Array.from({ length: 100 }, () => randomId())]) {
      const session = await create(store, { scope })
      assertSession(await store.find(session.id), session, `find() with scope ${JSON.stringify(scope)}`)
    }
  },

  async 'numbers come back as numbers, to the millisecond' (store) {
    const session = await create(store, { createdAt: 1, rotatedAt: 0, expiresAt: 253_402_300_799_999 })
    assertSession(await store.find(session.id), session, 'find() of the earliest and latest times')
    const rotation = newRotation(2_147_483_647)
    assertSession(await store.advance(session.id, rotation), { ...session, ...rotation }, 'advance() to a high generation')
  },

  async 'create() and advance() copy what they are given and leave it as it was' (store) {
    const session = newSession({ details: { nested: { list: [1] } } })
    const given = structuredClone(session)
    await store.create(given)
    assert.deepEqual(given, session, 'create() changed the session it was given')
    const rotation = newRotation(1)
    const givenRotation = { ...rotation }
    await store.advance(session.id, givenRotation)
    assert.deepEqual(givenRotation, rotation, 'advance() changed the rotation it was given')

    scribbleOn(given)
    Object.assign(givenRotation, { generation: -1, tokenId: 'changed', rotatedAt: -1, expiresAt: 0 })
    assertSession(await store.find(session.id), { ...session, ...rotation }, 'find() after the caller changed what it had given')
  },

  async 'find(), findByUser() and advance() give out copies' (store) {
    const session = await create(store, { details: { nested: { list: [1] } } })
    const copies = [await store.find(session.id), await store.advance(session.id, newRotation(0)), ...await store.findByUser(session.userId)]
    for (const copy of copies) {
      assertSession(copy, session, 'what another caller received and changed')
      scribbleOn(copy)
    }
    const rotation = newRotation(1)
    const moved = await store.advance(session.id, rotation)
    assertSession(moved, { ...session, ...rotation }, 'advance() after a caller changed what it had received')
    scribbleOn(moved)
    assertSession(await store.find(session.id), { ...session, ...rotation }, 'find() after a caller changed what advance() had given out')
  }
}

/** Change everything that a session holds, as a careless owner may. */
function scribbleOn (session: Session): void {
  session.scope.push('changed')
  const { nested } = session.details as { nested: { list: unknown[] } }
  nested.list.push('changed')
  session.details['changed'] = true
  Object.assign(session, { userId: 'changed', generation: 99, tokenId: 'changed', createdAt: -1, rotatedAt: -1, expiresAt: 0 })
}
