// The README of the examples names each of them, and nothing that is not there.
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const examples = new URL('../examples/', import.meta.url)
const guide = readFileSync(new URL('README.md', examples), 'utf8')
const isExample = (name: string) => /\.(ts|html)$/.test(name) && name !== 'screenshots.ts'

t.test('each example is named, and each name is an example', async (t) => {
  const named = [...guide.matchAll(/`([\w-]+\.(?:ts|html))`/g)].map(([, name]) => name)
  t.same([...new Set(named)].sort(), readdirSync(examples).filter(isExample).sort())
})
