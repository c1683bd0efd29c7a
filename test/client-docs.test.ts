// docs/client.md and docs/http.md say what is so: recipes word for word, every option, every code.
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const guide = read('docs/client.md')
const contract = read('docs/http.md')

t.test('each recipe is in the guide, word for word', async (t) => {
  const recipes = readdirSync(new URL('../examples/', import.meta.url)).filter((file) => /^client-.*\.ts$/.test(file))
  t.ok(recipes.length > 0)
  for (const file of recipes) {
    const [first = '', ...rest] = read(`examples/${file}`).split('\n')
    t.ok(guide.includes(`[\`${file}\`](../examples/${file}): ${first.slice(3)}\n\n\`\`\`ts\n${rest.join('\n')}\`\`\`\n`), file)
  }
})

t.test('the table of options has each option, and no other', async (t) => {
  const source = read('lib/client/client.ts')
  const [, fields = ''] = /interface AuthClientOptions \{([^]*?)\n\}/.exec(source) ?? []
  const options = [...fields.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
  const [, table = ''] = /\n## Options\n([^]*?)\n## /.exec(guide) ?? []
  t.strictSame([...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name), options)
})

t.test('the contract names each code that a client can get, and no other', async (t) => {
  const codes = [...read('lib/errors.ts').matchAll(/^ {2}(\w+): \[(\d+),/gm)].filter(([, , status]) => status !== '500').map(([, name]) => name)
  const named = new Set([...contract.matchAll(/`(?:FST_TOKEN_AUTH_)?([A-Z]+_[A-Z_]+)`/g)].map(([, name]) => name))
  named.delete('FST_TOKEN_AUTH_')
  t.strictSame([...named].sort(), codes.sort())
})

t.test('links lead somewhere', async (t) => {
  for (const [name, text] of [['docs/client.md', guide], ['docs/http.md', contract]] as const) {
    for (const [, path = ''] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) t.ok(read(`docs/${path}`), `${name} links ${path}`)
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title.toLowerCase().replace(/[^\w -]/g, '').replaceAll(' ', '-'))
    for (const [, anchor = ''] of text.matchAll(/\]\(#([^)]+)\)/g)) t.ok(anchors.includes(anchor), `${name} links #${anchor}`)
  }
})
