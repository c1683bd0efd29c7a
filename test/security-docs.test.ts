// docs/security.md leaves no row of a standard out, and every test it names exists under that very name.
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const docs = read('docs/security.md')
const cited = [...docs.matchAll(/`(test\/[\w-]+\.test\.ts)` > "([^"]+)"/g)].map(([, file, name]) => ({ file, name }) as { file: string, name: string })

/** The names of the tests in a file; a name that is put together at run time matches whatever it may become. */
function testNames (file: string): Array<(name: string) => boolean> {
  const names: Array<(name: string) => boolean> = []
  const visit = (node: ts.Node): void => {
    const [first] = ts.isCallExpression(node) && node.expression.getText() === 't.test' ? node.arguments : []
    if (first !== undefined && ts.isStringLiteralLike(first)) names.push((name) => name === first.text)
    if (first !== undefined && ts.isTemplateExpression(first)) {
      const fixed = [first.head.text, ...first.templateSpans.map(({ literal }) => literal.text)].map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      names.push((name) => new RegExp(`^${fixed.join('.+')}$`).test(name))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true))
  return names
}

t.test('every test it names exists', async (t) => {
  t.ok(cited.length > 60)
  for (const file of new Set(cited.map(({ file }) => file))) {
    const names = testNames(file)
    for (const { name } of cited.filter((one) => one.file === file)) t.ok(names.some((is) => is(name)), `${file} > "${name}"`)
  }
  t.notOk(testNames('test/security-docs.test.ts').some((is) => is('no such test')), 'one that does not exist would be found')
})

t.test('a reference to a test has that form, so that none goes unchecked', async (t) => {
  t.equal([...docs.matchAll(/test\/[\w-]+\.test\.ts/g)].length, cited.length)
})

t.test('no row of ASVS is left out', async (t) => {
  const sections = { 3.3: 5, 3.5: 8, 6.1: 3, 6.2: 12, 6.3: 8, 6.4: 6, 6.5: 8, 6.6: 4, 6.7: 2, 6.8: 4, 7.1: 3, 7.2: 4, 7.3: 2, 7.4: 5, 7.5: 3, 7.6: 2, 9.1: 3, 9.2: 4 }
  const rows = new Set([...docs.matchAll(/^\| (\d\.\d\.\d+)(?: to \d\.\d\.(\d+))? /gm)].flatMap(([, first, last]) => {
    const [chapter, section, from] = (first as string).split('.').map(Number) as [number, number, number]
    return Array.from({ length: Number(last ?? from) - from + 1 }, (_none, i) => `${chapter}.${section}.${from + i}`)
  }))
  const expected = Object.entries(sections).flatMap(([section, count]) => Array.from({ length: count }, (_none, i) => `${section}.${i + 1}`))
  t.same([...rows].sort(), expected.sort())
})

t.test('no section of RFC 8725 is left out', async (t) => {
  const [, chapter] = /## RFC 8725(.*?)\n## /s.exec(docs) as unknown as [string, string]
  t.same([...chapter.matchAll(/^\| (3\.\d+) /gm)].map(([, section]) => section), Array.from({ length: 12 }, (_none, i) => `3.${i + 1}`))
})

t.test('every page it points to exists, and every part of a page', async (t) => {
  for (const page of ['docs/security.md', 'docs/cors.md', 'SECURITY.md']) {
    for (const [, target, anchor] of read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const file = target === '' ? new URL(`../${page}`, import.meta.url) : new URL(target as string, new URL(`../${page}`, import.meta.url))
      t.ok(existsSync(file), `${page}: ${target}`)
      if (anchor === undefined) continue
      const anchors = readFileSync(file, 'utf8').match(/^#+ .*$/gm)?.map((heading) => heading.replace(/^#+ /, '').toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-'))
      t.ok(anchors?.includes(anchor), `${page}: #${anchor}`)
    }
  }
})
