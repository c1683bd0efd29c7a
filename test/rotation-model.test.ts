// The rotation rule, searched to the end: no false alarm whatever happens on the way, every theft found, and what breaks when a part of the rule is missing.
import t, { type Test } from 'tap'
import { realRule, type Rule, type Settings } from './fixtures/rotation/model.ts'
import { summary } from './fixtures/rotation/print.ts'
import { search } from './fixtures/rotation/search.ts'

const usual: Settings = { rule: realRule, leeway: 1, delay: 1, tabs: 2 }

function holds (t: Test, name: string, settings: Partial<Settings>) {
  const found = search({ ...usual, ...settings })
  t.comment(`${name}: ${summary(found)}`)
  for (const line of found.violation?.history ?? []) t.comment(line)
  t.notOk(found.violation, name)
  t.ok(found.complete, `${name}, to the end`)
  return found
}

function breaks (t: Test, settings: Partial<Settings>, what: RegExp) {
  const { violation, ...found } = search({ ...usual, ...settings })
  t.comment(`${found.states.toLocaleString('en')} states until ${violation?.what}:`)
  for (const line of violation?.history ?? []) t.comment(line)
  t.match(violation?.what, what)
}

t.test('nobody is logged out by tabs that race, lost requests and answers, delays, overtaking, crashes', async (t) => {
  for (const tabs of [2, 3, 4]) holds(t, `${tabs} tabs`, { tabs })
  for (const tabs of [2, 3]) holds(t, `${tabs} tabs, a leeway of two ticks`, { tabs, leeway: 2, delay: 2 })
})

t.test('nor by servers whose clocks differ, if the leeway covers that too', async (t) => {
  holds(t, 'a tick apart', { skew: 1, leeway: 2 })
  holds(t, 'a tick apart, requests of two ticks', { skew: 1, leeway: 3, delay: 2 })
})

t.test('nor by a store that falls back to an older row', async (t) => {
  for (const tabs of [2, 3]) holds(t, `${tabs} tabs, once`, { tabs, rollbacks: 1 })
  holds(t, '2 tabs, twice', { rollbacks: 2 })
})

t.test('a theft at any moment is found when the victim refreshes for the third time', async (t) => {
  for (const tabs of [1, 2, 3]) {
    const { rounds, history } = holds(t, `${tabs} ${tabs === 1 ? 'tab' : 'tabs'} and a thief`, { tabs, theft: true })
    t.equal(rounds, 2, 'rounds of the victim after which the thief is served')
    if (tabs === 1) for (const line of history) t.comment(line)
  }
})

t.test('what the leeway assumes is needed: an answer that takes longer', async (t) => {
  breaks(t, { delay: 2 }, /a false alarm/)
})

t.test('and so are clocks that differ by no more than it', async (t) => {
  breaks(t, { skew: 1 }, /false alarm|reused/)
})

const verdicts = (judge: (verdict: ReturnType<Rule['judge']>) => ReturnType<Rule['judge']>): Rule => ({ ...realRule, judge: (presented, session) => judge(realRule.judge(presented, session)) })

const broken: Array<[string, Partial<Settings> & { rule: Rule }, RegExp]> = [
  ['no hold: successors that rotate at once', { rule: { ...realRule, holdOf: () => 0 } }, /a false alarm/],
  ['a hold of two leeways', { rule: { ...realRule, holdOf: (now, leeway) => now + 2 * leeway } }, /reused/],
  ['an old token is answered a refresh token', { theft: true, tabs: 1, rule: verdicts((verdict) => verdict === 'reused' ? 'accepted' : verdict) }, /thief/],
  ['no look at the generation: an old token is answered an access token', { theft: true, tabs: 1, rule: verdicts((verdict) => verdict === 'reused' ? 'held' : verdict) }, /thief/],
  ['one successor for all who present a token', { theft: true, tabs: 1, rule: { ...realRule, successorId: ({ generation }) => `T${generation + 1}` } }, /thief/]
]

for (const [name, settings, what] of broken) {
  t.test(`a part of the rule is missing: ${name}`, async (t) => { breaks(t, settings, what) })
}
