// The README shows the shortest complete app word for word, and it is short.
import { readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../', import.meta.url)
const minimal = readFileSync(new URL('examples/minimal.ts', root), 'utf8')

t.test('a code block of the README is examples/minimal.ts', async (t) => {
  const readme = readFileSync(new URL('README.md', root), 'utf8')
  const blocks = [...readme.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, code]) => code)
  t.ok(blocks.includes(minimal))
})

t.test('it has at most 25 lines', async (t) => {
  t.ok(minimal.trimEnd().split('\n').length <= 25)
})
