// docs/options.md and the table in README.md have each option of the source, with the default that its docstring tells, and no other.
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'

const lib = new URL('../lib/', import.meta.url)
/** A contract of its own, which no part of is an option. */
const NO_OPTIONS = 'RefreshTokenStore'

const interfaces = new Map<string, ts.InterfaceDeclaration>()
for (const file of readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))) {
  const source = ts.createSourceFile(file, readFileSync(new URL(file, lib), 'utf8'), ts.ScriptTarget.Latest, true)
  for (const statement of source.statements) if (ts.isInterfaceDeclaration(statement)) interfaces.set(statement.name.text, statement)
}

/** Options by their dotted names, with what stands for their defaults. */
function optionsOf (name: string, path = ''): Array<[name: string, value: string]> {
  const { members } = interfaces.get(name) as ts.InterfaceDeclaration
  return members.flatMap((member) => {
    const option = path + member.name?.getText()
    const { type } = member as ts.PropertySignature
    const group = type !== undefined && ts.isTypeReferenceNode(type) ? type.typeName.getText() : ''
    if (interfaces.has(group) && group !== NO_OPTIONS) return optionsOf(group, `${option}.`)
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default')
    const fallback = member.questionToken === undefined ? 'required' : '–'
    return [[option, plain(ts.getTextOfJSDocComment(tag?.comment) ?? fallback)]]
  })
}

function plain (text: string): string {
  return text.replaceAll('`', '').replace(/\s+/g, ' ').trim()
}

const source = optionsOf('TokenAuthOptions')
const documented = [...readFileSync(new URL('../docs/options.md', import.meta.url), 'utf8').matchAll(/^\| `([\w.]+)` \| ([^|]*) \| ([^|]*) \|$/gm)] as unknown as Array<[string, string, string, string]>

t.test('the same options, with the same defaults', async (t) => {
  t.ok(source.some(([name]) => name === 'cookie.sameSite'), 'groups are gone into')
  t.strictSame(Object.fromEntries(documented.map(([, name, value]) => [name, plain(value)])), Object.fromEntries(source))
})

t.test('each option once, and with an explanation', async (t) => {
  t.equal(new Set(documented.map(([, name]) => name)).size, documented.length)
  t.strictSame(documented.filter(([,,, meaning]) => meaning.trim() === ''), [])
})

t.test('the README: each option once, by itself or with the group it is in, and no other default', async (t) => {
  const [table] = /(?<=\n## Options\n)[^]*?(?=\n## )/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8')) as RegExpExecArray
  const covered = [...table.matchAll(/^\| (`[^|]*) \| ([^|]*) \|/gm)].flatMap(([, names, values]) => {
    // `a.b`, `.c` in one row are a.b and a.c, with a default for each or one for all
    const [first, ...others] = plain(names as string).split(', ') as [string, ...string[]]
    const all = [first, ...others.map((name) => first.replace(/\.\w+$/, name))]
    const defaults = all.length === 1 ? [plain(values as string)] : plain(values as string).split(', ')
    return all.flatMap((name, index) => {
      const members = source.filter(([option]) => option.startsWith(`${name}.`))
      if (members.length > 0) return members.map(([option]) => option)
      const [, fallback = `${name} is no option`] = source.find(([option]) => option === name) ?? []
      const told = (defaults.length === 1 ? defaults[0] : defaults[index])?.replace('none', '–')
      t.ok(told && fallback.startsWith(told), `${name}: ${told}`, { fallback, told })
      return [name]
    })
  })
  t.strictSame(covered.toSorted(), source.map(([name]) => name).toSorted())
})
