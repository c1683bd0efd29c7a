// Every link from one page of the documentation to another leads somewhere, also those to a part of a page.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const markdownIn = (folder: string) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
const pages = ['', 'docs', 'examples', '.github'].flatMap(markdownIn)

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf (page: string): Set<string> {
  const headings = readFileSync(join(root, page), 'utf8').replace(/^```.*?^```/gms, '').matchAll(/^#+ (.*)$/gm)
  return new Set([...headings].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-')))
}

for (const page of pages) {
  t.test(page, async (t) => {
    const links = readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!\w+:)(?!\.\.\/blob\/)([^)#\s]*)(?:#([^)\s]+))?\)/g)
    for (const [link, path = '', anchor] of links) {
      const target = path === '' ? page : join(dirname(page), path)
      t.ok(existsSync(join(root, target)), link)
      if (anchor !== undefined && target.endsWith('.md')) t.ok(anchorsOf(target).has(anchor), link)
    }
  })
}

t.test('the pages that people look for are among them', async (t) => {
  for (const page of ['README.md', 'CONTRIBUTING.md', 'docs/http.md', 'examples/README.md']) t.ok(pages.includes(page), page)
})
