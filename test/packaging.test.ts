// The package as it is published: packed, installed into an empty folder, and used there in the ways in which people use packages.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import t from 'tap'
import ts from 'typescript'
import { SECRET } from './fixtures/app.ts'
import { plainNode } from './fixtures/plain-node.ts'

const root = join(import.meta.dirname, '..')
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const { name, exports } = readJson(join(root, 'package.json')) as { name: string, exports: Record<string, string | { types: string, default: string }> }
/** What can be imported, package.json aside. */
const doors = Object.entries(exports).flatMap(([path, targets]) => typeof targets === 'string' ? [] : [{ specifier: join(name, path), ...targets }])
const [withoutOptions, ...asPlain] = plainNode.slice(0, -1) as [string, ...string[]]

const folder = mkdtempSync(join(tmpdir(), 'packaging-'))
t.teardown(() => rmSync(folder, { recursive: true }))
/** A copy to build and pack, because other tests may be using the files of a build. */
const copy = join(folder, 'copy')
/** The folder of somebody who installs it. */
const app = join(folder, 'app')
const installed = join(app, 'node_modules', name)

/** What a command prints. @throws Error with all that it said, if it fails */
async function run (cwd: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(withoutOptions, [...asPlain, command, ...args], { cwd, maxBuffer: 2 ** 24 })
    .catch(({ message, stdout }) => { throw new Error(`${message}\n${stdout}`) })
  return stdout
}

cpSync(root, copy, { recursive: true, filter: (path) => !/[\\/](?:\.git|\.tap|benchmarks|coverage|dist|node_modules|test)$/.test(path) })
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
const [tarball] = JSON.parse(await run(copy, 'npm', 'pack', '--json', '--silent')) as [{ filename: string, files: Array<{ path: string }> }]
const files = tarball.files.map(({ path }) => path)

cpSync(join(root, 'test/consumer'), app, { recursive: true })
writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }')
const beside = ['fastify', 'typebox', '@types/node'].map((peer) => `${peer}@${readJson(join(root, 'node_modules', peer, 'package.json')).version}`)
await run(app, 'npm', 'install', '--silent', '--prefer-offline', '--no-audit', '--no-fund', join(copy, tarball.filename), ...beside)

t.test('the tarball holds what it takes to run, to debug and to understand it, and nothing else', async (t) => {
  const expected = /^(?:dist\/.+\.(?:js|d\.ts)(?:\.map)?|dist\/typebox\.license|lib\/.+\.ts|bin\/fastify-token-auth\.js|package\.json|docs\/[a-z-]+\.md|README\.md|CHANGELOG\.md|SECURITY\.md|LICENSE)$/
  t.strictSame(files.filter((path) => !expected.test(path)), [])
  t.strictSame(files.filter((path) => /\btest\b|\.test\./.test(path)), [])
  for (const { types, default: code } of doors) {
    for (const path of [types, code]) t.ok(files.includes(path.replace('./', '')), path)
  }
  for (const path of ['README.md', 'docs/options.md', 'SECURITY.md', 'CHANGELOG.md', 'LICENSE', 'bin/fastify-token-auth.js']) t.ok(files.includes(path), path)
})

t.test('every map leads to a source that is there', async (t) => {
  const compiled = files.filter((path) => /^dist\/.+(?:\.js|\.d\.ts)$/.test(path))
  t.ok(compiled.length > 0)
  for (const path of compiled) {
    const text = readFileSync(join(installed, path), 'utf8')
    t.ok(text.trimEnd().endsWith(`//# sourceMappingURL=${path.replace(/.*\//, '')}.map`), path)
    const { sources, sourcesContent } = readJson(join(installed, `${path}.map`)) as { sources: string[], sourcesContent?: string[] }
    for (const [i, source] of sources.entries()) {
      t.ok(typeof sourcesContent?.[i] === 'string' || existsSync(join(installed, dirname(path), source)), `${path}.map: ${source}`)
    }
  }
})

t.test('no declaration says any', async (t) => {
  const declarations = files.filter((path) => path.endsWith('.d.ts'))
  t.ok(declarations.length > 0)
  for (const path of declarations) {
    const source = ts.createSourceFile(path, readFileSync(join(installed, path), 'utf8'), ts.ScriptTarget.Latest, true)
    const visit = (node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) t.fail(`${path}: ${node.parent.getText()}`)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
})

t.test('imported and required, each door lets out the same names', async (t) => {
  const specifiers = doors.map(({ specifier }) => specifier)
  const byImport = JSON.parse(await run(app, process.execPath, 'doors.mjs', ...specifiers)) as Record<string, string[]>
  const byRequire = JSON.parse(await run(app, process.execPath, 'doors.cjs', ...specifiers)) as Record<string, string[]>
  for (const specifier of specifiers) {
    t.ok(byImport[specifier]?.length, specifier)
    t.strictSame(byRequire[specifier]?.filter((key) => key !== '__esModule'), byImport[specifier], specifier)
  }
  t.match(byImport, { [name]: ['MemoryStore', 'TokenAuthError', 'default'], [`${name}/client`]: ['AuthError', 'createAuthClient'] })
})

/** What TypeScript finds in the files of an app and in the declarations of the package; those of other packages are theirs to check. */
function typeErrors (roots: string[], options: ts.CompilerOptions): string[] {
  const program = ts.createProgram(roots.map((file) => join(app, file)), {
    strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, target: ts.ScriptTarget.ES2023, typeRoots: [join(app, 'node_modules/@types')], ...options
  })
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(installed) || !fileName.includes('node_modules'))
  const diagnostics = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])]
  return diagnostics.map((one) => ts.formatDiagnostic(one, { getCanonicalFileName: (path) => path, getCurrentDirectory: () => app, getNewLine: () => '\n' }))
}

t.test('its types hold in an app', async (t) => {
  const bundler = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }
  t.strictSame(typeErrors(['app.ts', 'app.cts'], { module: ts.ModuleKind.NodeNext, types: ['node'] }), [], 'nodenext')
  t.strictSame(typeErrors(['app.ts'], { ...bundler, types: ['node'] }), [], 'bundler')
  t.strictSame(typeErrors(['page.ts'], { ...bundler, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] }), [], 'a page, without the types of Node.js')
  const checked = readFileSync(join(app, 'app.ts'), 'utf8')
  for (const { specifier } of doors) t.ok(checked.includes(`from '${specifier}'`), `${specifier} is among them`)
})

t.test('the command makes a secret', async (t) => {
  t.match(await run(app, 'npx', '--no-install', name, 'keygen'), /^[\w-]{43}\n$/)
})

t.test('an app of it logs in, refreshes and logs out', async (t) => {
  const server = spawn(withoutOptions, [...asPlain, process.execPath, 'server.mjs'], { cwd: app, env: { AUTH_SECRET: SECRET }, stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(server, 'exit')
  t.teardown(async () => {
    server.kill()
    await exit
  })
  const [origin] = await once(createInterface(server.stdout), 'line') as [string]

  await t.test('with a cookie', async (t) => {
    const post = (path: string, init: RequestInit = {}) => fetch(origin + path, { method: 'POST', ...init })
    const login = await post('/auth/login', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'ada', password: 'analytical-engine' }) })
    const headers = { cookie: login.headers.get('set-cookie')?.split(';', 1)[0] as string }
    const refresh = await post('/auth/refresh', { headers })
    const { accessToken } = await refresh.json() as { accessToken: string }
    const me = await fetch(`${origin}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
    t.strictSame(await me.json(), { id: 'ada' })
    t.equal((await post('/auth/logout', { headers: { cookie: refresh.headers.get('set-cookie')?.split(';', 1)[0] as string } })).status, 204)
    t.equal((await post('/auth/refresh', { headers })).status, 401)
  })

  await t.test('with the client as a bundler makes it for a page', async (t) => {
    const outfile = join(app, 'page.bundle.mjs')
    await build({ entryPoints: [join(app, 'page.ts')], bundle: true, minify: true, platform: 'browser', format: 'esm', target: 'es2022', outfile, logLevel: 'warning' })
    const { journey } = await import(outfile) as { journey (origin: string): Promise<string[]> }
    t.strictSame(await journey(origin), ['FST_TOKEN_AUTH_INVALID_CREDENTIALS', 'signed-in', 'another token', '{"id":"ada"}', 'signed-out', '401'])
  })
})
