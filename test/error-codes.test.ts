// docs/errors.md has each code that the plugin knows, with its status and what to do about it, and no other.
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'
import { TokenAuthError } from 'fastify-token-auth'

const lib = new URL('../lib/', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, lib), 'utf8')
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts')).map((file) => ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true))

/** The names that an error is made with, somewhere. */
const thrown = new Set<string>()
/** Codes that are written out, for errors that are made in another way. */
const written = new Set<string>()
for (const source of sources) {
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === TokenAuthError.name) thrown.add((node.arguments?.[0] as ts.StringLiteral).text)
    if (ts.isStringLiteral(node) && /^FST_TOKEN_AUTH_\w+$/.test(node.text)) written.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
}

const documented = [...readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8').matchAll(/^\| `(FST_TOKEN_AUTH_\w+)` \| (\d+) \| ([^|]+) \| ([^|]+) \|$/gm)] as unknown as Array<[string, string, string, string, string]>

t.test('the same codes', async (t) => {
  const codes = [...thrown].map((name) => `FST_TOKEN_AUTH_${name}`)
  t.ok(codes.length > 0)
  t.strictSame(documented.map(([, code]) => code).sort(), [...new Set([...codes, ...written])].sort())
})

t.test('with the statuses that they have', async (t) => {
  for (const name of thrown) {
    const { code, statusCode } = new TokenAuthError(name as ConstructorParameters<typeof TokenAuthError>[0])
    t.equal(Number(documented.find(([, documentedCode]) => documentedCode === code)?.[2]), statusCode, code)
  }
})

t.test('the table of errors has none that nothing throws', async (t) => {
  const [, table = ''] = /const ERRORS = \{\n(.*?)\n\}/s.exec(read('errors.ts')) ?? []
  t.strictSame([...table.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name).sort(), [...thrown].sort())
})
