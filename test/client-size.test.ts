// The client is small, needs nothing, and leaves nothing behind where it is not used.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

const folder = fileURLToPath(new URL('../lib/client/', import.meta.url))

/** Bundle and minify a page's script, as its author would. */
async function bundle (script: string): Promise<Uint8Array> {
  const { outputFiles: [file] } = await build({
    stdin: { contents: script, resolveDir: folder, sourcefile: 'page.js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    write: false
  })
  if (!file) throw new Error('nothing was bundled')
  return file.contents
}

t.test('at most 3 kB, minified and gzipped', async (t) => {
  const code = await bundle("export * from './index.ts'")
  const { length } = gzipSync(code, { level: 9 })
  t.comment(`${code.length} bytes minified, ${length} gzipped`)
  t.ok(length <= 3000, `${length} bytes`)
})

t.test('a page that imports and does not use it carries none of it', async (t) => {
  t.equal((await bundle("import { createAuthClient, AuthError } from './index.ts'")).length, 0)
})

t.test('a page that uses only the error carries no client', async (t) => {
  const code = await bundle("import { AuthError } from './index.ts'; console.log(AuthError)")
  t.ok(code.length < 400, `${code.length} bytes`)
})

t.test('it imports nothing but itself', async (t) => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const imports = [...readFileSync(folder + file, 'utf8').matchAll(/from '([^']+)'/g)].map(([, path]) => path)
    t.strictSame(imports.filter((path) => !path?.startsWith('./')), [], file)
  }
})
