// The example with PostgreSQL: two processes share the sessions, one that is killed is replaced and nobody is logged out, and what is missing is said in one line.
import t from 'tap'
import { build } from '../examples/postgres.ts'
import { databaseUrl } from './fixtures/postgres.ts'
import { runExample, tellTheStory } from './fixtures/two-processes.ts'

const url = await databaseUrl(t)

t.test('build() makes the app of one process', async (t) => {
  process.env['DATABASE_URL'] = url
  process.env['AUTH_SECRET'] = 'of the environment, long enough for HS256'
  const app = await build()
  t.teardown(() => app.close())
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('two processes on one PostgreSQL', async (t) => {
  await tellTheStory(t, 'postgres.ts', { DATABASE_URL: url })
})

t.test('without DATABASE_URL, or without a PostgreSQL there, it says so', async (t) => {
  t.same(await runExample('postgres.ts', {}), { code: 1, errors: ['Set DATABASE_URL, such as DATABASE_URL=postgres://user:password@127.0.0.1:5432/database'] })
  process.env['DATABASE_URL'] = 'postgres://127.0.0.1:1/none'
  await t.rejects(build(), { message: 'No PostgreSQL at DATABASE_URL: connect ECONNREFUSED 127.0.0.1:1' })
})
