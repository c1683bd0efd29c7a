// lib/rotation.ts case by case: what is held and until when, and the verdict on each token that can be presented.
import t from 'tap'
import { holdOf, isHeld, judge, judgeStrictly, type Presented, type Verdict } from '../lib/rotation.ts'
import type { Session } from '../lib/stores/store.ts'

const presented = (generation: number, tokenId: string, heldUntil = 0): Presented => ({ generation, tokenId, heldUntil })
const row = (generation: number, tokenId: string, rotatedAt = 0): Session =>
  ({ id: 's', userId: 'u', generation, tokenId, createdAt: 0, rotatedAt, expiresAt: Infinity, scope: [], details: {} })

t.test('a successor is held for three leeways, the last millisecond included', async (t) => {
  const until = holdOf(1_000_000, 60_000)
  t.equal(until, 1_180_000)
  for (const [now, held] of [[1_000_000, true], [until - 1, true], [until, true], [until + 1, false]] as const) {
    t.equal(isHeld(presented(2, 'b', until), now), held, `at ${now}`)
  }
})

t.test('the token of a login is not held', async (t) => {
  t.notOk(isHeld(presented(1, 'a'), 1_000_000))
})

t.test('verdicts', async (t) => {
  const table: Array<[string, Presented, Session | null, Verdict]> = [
    ['no session', presented(1, 'a'), null, 'gone'],
    ['the token of a login, before the first refresh, if the store was not asked to advance', presented(1, 'a'), row(0, 'a'), 'accepted'],
    ['the token that has just moved the row', presented(1, 'a'), row(1, 'a'), 'accepted'],
    ['the same again, however late', presented(7, 'g'), row(7, 'g', -1e12), 'accepted'],
    ['a successor that is held', presented(2, 'b', 9), row(1, 'a'), 'held'],
    ['one of several', presented(2, 'c', 9), row(1, 'a'), 'held'],
    ['a held one, after the store lost writes', presented(9, 'i', 9), row(1, 'a'), 'held'],
    ['the predecessor of the newest', presented(1, 'a'), row(2, 'b'), 'reused'],
    ['at the very moment of the rotation', presented(1, 'a'), row(2, 'b', 1e15), 'reused'],
    ['a much older one', presented(1, 'a'), row(40, 'z'), 'reused'],
    ['a rival of the newest', presented(2, 'c'), row(2, 'b'), 'reused'],
    ['a rival of the newest that is still held', presented(2, 'c', 9), row(2, 'b'), 'reused']
  ]
  for (const [name, token, session, verdict] of table) t.equal(judge(token, session), verdict, name)
})

t.test('strict verdicts', async (t) => {
  const LEEWAY = 60_000
  const old = presented(1, 'a')
  const table: Array<[string, Session | null, number, Verdict]> = [
    ['no session', null, 0, 'gone'],
    ['the store took the successor', row(2, 'b', 5), 5, 'accepted'],
    ['the store took it and its clock is far off', row(2, 'b', 5), 1e12, 'accepted'],
    ['a retry, or another tab, within the leeway', row(2, 'x', 0), LEEWAY, 'accepted'],
    ['from a server whose clock is behind', row(2, 'x', 1000), 0, 'accepted'],
    ['after the leeway', row(2, 'x', 0), LEEWAY + 1, 'reused'],
    ['two generations behind, within the leeway', row(3, 'x', 0), 0, 'reused'],
    ['two generations behind, after it', row(3, 'x', 0), LEEWAY + 1, 'reused']
  ]
  for (const [name, session, now, verdict] of table) t.equal(judgeStrictly(old, 'b', session, now, LEEWAY), verdict, name)
})
