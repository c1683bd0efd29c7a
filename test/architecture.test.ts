// The house: imports run downwards only, stores know nothing of the plugin, and each file says in its first line what it is for.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', 'lib')

/** Top to bottom: a file may import those below it. The order is also a good one to read in. */
const floors = [
  'cli.ts',
  'index.ts',
  'plugin.ts',
  'routes/login.ts', 'routes/refresh.ts', 'routes/logout.ts', 'routes/sessions.ts', 'routes/jwks.ts',
  'routes/route.ts',
  'rate-limit.ts',
  'refresh-transport.ts',
  'sessions.ts',
  'rotation.ts',
  'guard.ts',
  'seen-tokens.ts',
  'revoked-sessions.ts',
  'bounded-store.ts',
  'cross-origin.ts',
  'access-token.ts',
  'refresh-token.ts',
  'fastify-jwt-signer.ts',
  'jwt.ts',
  'options.ts',
  'refresh-cookie.ts',
  'events.ts',
  'keys.ts',
  'schemas.ts',
  'validate.ts',
  'random-id.ts', 'duration.ts',
  'errors.ts',
  'stores/memory.ts', 'stores/sqlite.ts', 'stores/redis.ts', 'stores/postgres.ts',
  'stores/redis-client.ts', 'stores/redis-scripts.ts', 'stores/postgres-sql.ts', 'stores/sql-row.ts', 'stores/subscribers.ts',
  'stores/store.ts'
]

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const core = files.filter((file) => !/^(client|testing)\//.test(file))
const source = (file: string) => readFileSync(join(root, file), 'utf8')
const imports = (file: string) => [...source(file).matchAll(/^(?:import|export)\b.*? from '(.+?)'|\bawait import\('(.+?)'\)/gm)].map(([, path, loaded]) => (path ?? loaded) as string)
const local = (file: string) => imports(file).filter((path) => path.startsWith('.')).map((path) => normalize(join(dirname(file), path)))

t.test('every file has its floor', async (t) => {
  t.same([...core].sort(), [...floors].sort())
})

t.test('imports run downwards', async (t) => {
  for (const file of core) {
    for (const imported of local(file)) t.ok(floors.indexOf(imported) > floors.indexOf(file), `${file} imports ${imported}`)
  }
})

t.test('stores know nothing of the plugin, nor of any client package', async (t) => {
  for (const file of core.filter((file) => file.startsWith('stores/'))) {
    for (const path of imports(file)) t.match(path, /^(node:|\.\/[\w-]+\.ts$)/, `${file} imports ${path}`)
  }
})

t.test('the plugin knows no store but the one in memory', async (t) => {
  for (const file of core.filter((file) => !file.startsWith('stores/'))) {
    for (const path of local(file)) t.notMatch(path, /^stores\/(?!store|memory)/, `${file} imports ${path}`)
  }
})

t.test('the client stands alone, and the conformance suite knows only the contract', async (t) => {
  for (const file of files.filter((file) => file.startsWith('client/'))) {
    for (const path of imports(file)) t.match(path, /^\.\/[\w-]+\.ts$/, `${file} imports ${path}`)
  }
  for (const file of files.filter((file) => file.startsWith('testing/store-'))) {
    for (const path of imports(file)) t.match(path, /^(node:|\.\/|\.\.\/stores\/store\.ts$)/, `${file} imports ${path}`)
  }
})

t.test('each file opens with one line that says what it is for', async (t) => {
  for (const file of files) t.match(source(file), /^\/\/ .+[.:]?\n(?!\/\/)/, file)
})
