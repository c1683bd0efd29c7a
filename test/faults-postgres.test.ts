// PostgreSQL restarted under traffic, serialization failures, statement timeouts and killed connections are tried again or answered 503, and nothing is half done.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Pool } from 'pg'
import t, { type Test } from 'tap'
import type { FaultClient } from './fixtures/fault-client.ts'
import { type Farm, startFarm } from './fixtures/fault-farm.ts'
import { withTable } from './fixtures/fault-stores.ts'
import { Tally } from './fixtures/fault-tally.ts'
import { startPostgres } from './fixtures/postgres.ts'

const MINUTE = 60_000
const FARM = { servers: 2, options: { storeTimeout: '10s' } }

t.test('restarted under traffic', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  let postgres = await startPostgres({ folder })
  t.teardown(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true })
  })
  const { url, port } = postgres
  const farm = await startFarm(t, await withTable({ kind: 'postgres', url, schema: 'public' }), FARM)
  const clients = await farm.logins(20)

  const over = new AbortController()
  t.teardown(() => { over.abort() })
  const traffic = clients.map(async (client) => {
    while (!over.signal.aborted) await client.refresh(farm.next())
  })
  for (let restart = 0; restart < 3; restart++) {
    await farm.pass(16 * MINUTE)
    await untilMore(farm, 200)
    await postgres.stop()
    await untilMore(farm, 503)
    postgres = await startPostgres({ folder, port })
  }
  await untilMore(farm, 200)
  over.abort()
  await Promise.all(traffic)
  t.same(Object.keys(farm.tally.statuses), ['200', '503'], 'an answer, or the advice to try again')
  await farm.countLost(clients)
  farm.tally.report(t, 'PostgreSQL restarted three times under traffic')
})

t.test('one statement', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  const { url } = postgres
  const admin = new Pool({ connectionString: url })
  admin.on('error', () => {})
  await admin.query('CREATE ROLE app LOGIN; CREATE SCHEMA app AUTHORIZATION app')
  await withTable({ kind: 'postgres', url: url.replace('postgres@', 'app@'), schema: 'app' })
  const farm = await startFarm(t, { kind: 'postgres', url: url.replace('postgres@', 'app@'), schema: 'app' }, FARM)
  t.teardown(() => admin.end())
  t.beforeEach(() => { farm.tally = new Tally() })

  /** What is said to the app's role counts for new connections. */
  const configure = async (setting: string) => {
    await admin.query(`ALTER ROLE app ${setting}`)
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
  }
  const row = async (client: FaultClient) => (await admin.query('SELECT * FROM app.token_auth_sessions WHERE user_id = $1', [client.name])).rows

  /** Refresh while somebody else holds the row, do something meanwhile, and let go of the row. */
  async function refreshLocked (client: FaultClient, meanwhile: () => Promise<unknown>) {
    const locking = await admin.connect()
    await locking.query('BEGIN')
    await locking.query('SELECT * FROM app.token_auth_sessions WHERE user_id = $1 FOR UPDATE', [client.name])
    const refresh = client.refresh(farm.next())
    await meanwhile()
    const answer = await refresh
    await locking.query('ROLLBACK')
    locking.release()
    return answer
  }

  async function cutOff (t: Test, name: string, meanwhile: () => Promise<unknown>): Promise<void> {
    const clients = await logins(farm, name)
    for (const client of clients) {
      const before = await row(client)
      const { cookie } = client
      t.match(await refreshLocked(client, meanwhile), { status: 503, headers: { 'retry-after': '1', 'set-cookie': undefined } })
      t.same(await row(client), before, 'nothing is half done')
      t.equal(client.cookie, cookie)
      t.match(await client.refresh(farm.next()), { status: 200, headers: { 'set-cookie': Array } }, 'and the next attempt is as the first')
    }
    await farm.countLost(clients)
    farm.tally.report(t, name)
  }

  t.test('fails to be serialized', async (t) => {
    await configure("SET default_transaction_isolation = 'serializable'")
    const clients = await logins(farm, 'serializable')
    const rollbacks = async () => Number((await admin.query("SELECT xact_rollback FROM pg_stat_database WHERE datname = 'postgres'")).rows[0].xact_rollback)
    const before = await rollbacks()
    for (let round = 0; round < 5; round++) {
      await farm.pass(16 * MINUTE)
      await Promise.all(clients.map(async (client) => {
        const tabs = Array.from({ length: 6 }, () => client.copy())
        const answers = await Promise.all(tabs.map((tab) => tab.refresh(farm.next())))
        const winners = tabs.filter((_, index) => answers[index]?.headers['set-cookie'] !== undefined)
        if (answers.some((answer) => answer?.status !== 200 && answer?.status !== 503)) t.fail('neither done nor to be tried again', { answers })
        // the jar keeps the one that comes last
        if (winners.length > 0) client.cookie = winners.at(-1)!.cookie
      }))
    }
    // its statistics are a second late
    while (await rollbacks() === before) await setTimeout(100)
    await configure('RESET default_transaction_isolation')
    await farm.countLost(clients)
    farm.tally.report(t, 'serialization failures')
  })

  t.test('is stopped by statement_timeout', async (t) => {
    await configure("SET statement_timeout = '300ms'")
    await cutOff(t, 'statement_timeout', async () => {})
    await configure('RESET statement_timeout')
  })

  t.test('loses its connection', async (t) => {
    await cutOff(t, 'connection killed in the middle of a statement', async () => {
      const waiting = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'"
      while ((await admin.query(waiting)).rowCount === 0) await setTimeout(10)
    })
  })
})

async function logins (farm: Farm, name: string): Promise<FaultClient[]> {
  const clients = await farm.logins(5, name)
  // connections that were killed are noticed at their next use
  for (const client of clients) while (client.cookie === '') await client.login(farm.next())
  await farm.pass(16 * MINUTE)
  return clients
}

async function untilMore (farm: Farm, status: number): Promise<void> {
  const enough = (farm.tally.statuses[status] ?? 0) + 40
  while ((farm.tally.statuses[status] ?? 0) < enough) {
    if (401 in farm.tally.statuses) throw new Error('a 401 because of the database')
    await setTimeout(20)
  }
}
