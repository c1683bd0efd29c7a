// docs/custom-store.md: its store keeps the contract on PostgreSQL and SQLite, is shown word for word, and its test files run as they are shown.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, PostgresDialect, SqliteDialect, type SqliteDialectConfig, sql } from 'kysely'
import { Pool } from 'pg'
import t from 'tap'
import { refreshTokenStoreTests } from 'fastify-token-auth/testing'
import { KyselyStore, type Sessions } from '../examples/custom-store-kysely.ts'
import { databaseUrl, uniqueSchema } from './fixtures/postgres.ts'
import { sqliteDrivers } from './fixtures/sqlite.ts'
import { plainNode } from './fixtures/plain-node.ts'

const root = join(import.meta.dirname, '..')
const example = readFileSync(join(root, 'examples/custom-store-kysely.ts'), 'utf8')
const guide = readFileSync(join(root, 'docs/custom-store.md'), 'utf8')

/** The code block of the guide that has these words in it. */
function block (words: string): string {
  const blocks = [...guide.matchAll(/```(?:ts|sql)\n(.*?)```/gs)].map(([, code]) => code as string)
  return blocks.find((code) => code.includes(words)) ?? t.fail(`the guide has no code with ${words}`) as never
}

async function createTable (db: Kysely<{ sessions: Sessions }>): Promise<void> {
  for (const statement of block('CREATE TABLE').trim().split(';\n')) await sql.raw(statement).execute(db)
}

const url = new URL(await databaseUrl(t))
url.searchParams.set('options', `-c search_path=${await uniqueSchema(t, url.href)}`)
const db = new Kysely<{ sessions: Sessions }>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url.href }) }) })
await createTable(db)

t.test('the example is short, and the guide shows it word for word', async (t) => {
  t.ok(example.trimEnd().split('\n').length < 60)
  t.equal(block('class KyselyStore'), example)
})

t.test('the example keeps the contract on PostgreSQL', async (t) => {
  t.teardown(() => db.destroy())
  for (const { name, run } of refreshTokenStoreTests) {
    t.test(name, async () => { await run(() => new KyselyStore(db)) })
  }
})

const openBetterSqlite3 = sqliteDrivers['better-sqlite3']
if (openBetterSqlite3) {
  t.test('the example keeps the contract on SQLite', async (t) => {
    const database = openBetterSqlite3(':memory:') as unknown as SqliteDialectConfig['database']
    const db = new Kysely<{ sessions: Sessions }>({ dialect: new SqliteDialect({ database }) })
    t.teardown(() => db.destroy())
    await createTable(db)
    for (const { name, run } of refreshTokenStoreTests) {
      t.test(name, async () => { await run(() => new KyselyStore(db)) })
    }
  })
}

for (const [runner, flags] of Object.entries({ 'node:test': ['--test', '--test-reporter=tap'], tap: [] })) {
  t.test(`the test file for ${runner} runs as it is shown, all tests pass`, async (t) => {
    const setUp = `
      import { Kysely, PostgresDialect } from 'kysely'
      import { Pool } from 'pg'
      import { KyselyStore } from ${JSON.stringify(join(root, 'examples/custom-store-kysely.ts'))}
      const pool = new Pool({ connectionString: ${JSON.stringify(url.href)}, allowExitOnIdle: true })
      const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
    `
    const folder = t.testdir({ 'shown.test.ts': setUp + block(`from '${runner}'`) })
    const { stdout, stderr } = spawnSync(plainNode[0], [...plainNode.slice(1), '--import=tsx', '--conditions=@fastify-token-auth/source', ...flags, join(folder, 'shown.test.ts')], {
      cwd: root,
      encoding: 'utf8',
      // or else the inner runner takes itself for a part of this one, and its coverage for that of this one
      env: { ...process.env, NODE_OPTIONS: '', TAP: undefined, TAP_CHILD_ID: undefined }
    })
    const passed = refreshTokenStoreTests.filter(({ name }) => stdout.includes(` - ${name.replaceAll('#', '\\#')}`) && !stdout.includes('not ok'))
    t.equal(passed.length, refreshTokenStoreTests.length, stdout + stderr)
  })
}
