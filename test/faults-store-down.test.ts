// A store that is paused, slow, gone or out of connections is answered 503 within the deadline: no cookie is touched, nothing passes for theft, guarded routes go on.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { FaultClient } from './fixtures/fault-client.ts'
import { type Farm, startFarm } from './fixtures/fault-farm.ts'
import { withTable } from './fixtures/fault-stores.ts'
import { Tally } from './fixtures/fault-tally.ts'
import { query, startPostgres } from './fixtures/postgres.ts'
import { startRedis, uniquePrefix } from './fixtures/redis.ts'

const CLIENTS = 10
const FARM = { servers: 2, options: { storeTimeout: '1s' } }

t.test('Redis', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const admin = new Redis(redis.url)
  const farm = await startFarm(t, { kind: 'redis', url: redis.url, keyPrefix: uniquePrefix() }, FARM)

  t.test('paused', async (t) => {
    await outage(t, 'Redis paused with SIGSTOP', farm, {
      begin () { redis.signal('SIGSTOP') },
      end () { redis.signal('SIGCONT') }
    })
  })

  t.test('out of connections', async (t) => {
    await outage(t, 'Redis out of connections', farm, {
      async begin () {
        await admin.config('SET', 'maxclients', 1)
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
      },
      async end () { await admin.config('SET', 'maxclients', 1000) }
    })
  })

  t.test('killed, for good', async (t) => {
    await outage(t, 'Redis killed', farm, {
      async begin () {
        admin.disconnect()
        await redis.stop()
      }
    })
  })
})

t.test('PostgreSQL', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  let postgres = await startPostgres({ folder })
  t.teardown(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true })
  })
  const { url, port } = postgres
  await query(url, 'CREATE ROLE app LOGIN; CREATE SCHEMA app AUTHORIZATION app')
  const appUrl = url.replace('postgres@', 'app@')
  const farm = await startFarm(t, await withTable({ kind: 'postgres', url: appUrl, schema: 'app', connections: 4 }), FARM)

  t.test('paused', async (t) => {
    let pids: number[] = []
    await outage(t, 'PostgreSQL paused with SIGSTOP', farm, {
      async begin () {
        // the one that takes new connections as well
        pids = [postgres.pid, ...await backends(url)]
        for (const pid of pids) process.kill(pid, 'SIGSTOP')
      },
      end () { for (const pid of pids) process.kill(pid, 'SIGCONT') }
    })
  })

  t.test('slow, so that all connections of the pool are busy', async (t) => {
    const locking = new Client({ connectionString: url })
    await locking.connect()
    await outage(t, 'PostgreSQL slow, pool exhausted', farm, {
      async begin () { await locking.query('BEGIN; LOCK TABLE app.token_auth_sessions') },
      async end () { await locking.end() }
    })
  })

  t.test('out of connections', async (t) => {
    await outage(t, 'PostgreSQL out of connections', farm, {
      async begin () {
        await query(url, 'ALTER ROLE app CONNECTION LIMIT 0')
        await query(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
      },
      async end () { await query(url, 'ALTER ROLE app CONNECTION LIMIT -1') }
    })
  })

  t.test('killed, and started again', async (t) => {
    await outage(t, 'PostgreSQL killed and started again', farm, {
      begin: () => postgres.stop(),
      async end () { postgres = await startPostgres({ folder, port }) }
    })
  })
})

/** @param outage `end` is missing where sessions are lost with the store */
async function outage (t: Test, name: string, farm: Farm, { begin, end }: { begin (): unknown, end?(): unknown }): Promise<void> {
  farm.tally = new Tally()
  const clients = await patiently(farm, CLIENTS)
  const cookies = clients.map(({ cookie }) => cookie)
  // what it was told may be done when the store comes back, so it does without its session
  const leaving = clients.pop()!
  await farm.pass(60_000)

  await begin()
  const [client] = clients as [FaultClient]
  const answers = await Promise.all([
    ...clients.map((client) => client.refresh(farm.next())),
    new FaultClient('somebody', farm.tally).login(farm.next()),
    client.send(farm.next(), 'GET', '/auth/sessions'),
    client.send(farm.next(), 'DELETE', '/auth/sessions/none'),
    leaving.send(farm.next(), 'POST', '/auth/logout')
  ])
  for (const answer of answers) {
    if (answer?.status !== 503 || answer.body?.['code'] !== 'FST_TOKEN_AUTH_STORE_UNAVAILABLE') t.fail('not a 503', { answer })
    if (answer?.headers['retry-after'] !== '1') t.fail('no Retry-After')
    if (answer?.headers['set-cookie'] !== undefined) t.fail('a cookie was touched')
  }
  t.equal(farm.tally.statuses[503], answers.length, 'every call of the store is answered 503')
  t.same((await Promise.all(clients.map((client) => client.me(farm.next())))).map((answer) => answer?.status), clients.map(() => 200), 'guarded routes go on')
  t.same(clients.map(({ cookie }) => cookie), cookies.slice(0, -1), 'the cookies are as they were')
  t.same(farm.tally.events.filter(({ type }) => type !== 'login'), [], 'no event')

  if (end !== undefined) {
    await end()
    t.ok((await Promise.all(clients.map((client) => untilAnswered(() => client.refresh(farm.next()))))).every((status) => status === 200), 'then sessions go on')
    await farm.countLost(clients)
  }
  farm.tally.report(t, name)
}

/** Log in when the store has recovered from the outage before. */
async function patiently (farm: Farm, count: number): Promise<FaultClient[]> {
  const clients = Array.from({ length: count }, (_, index) => new FaultClient(`user ${index}`, farm.tally))
  await Promise.all(clients.map((client) => untilAnswered(() => client.login(farm.next()))))
  delete farm.tally.statuses[503]
  return clients
}

/** Try as a client does that is told to retry; resolves to the status when it is another one than 503. */
async function untilAnswered (attempt: () => Promise<{ status: number } | undefined>): Promise<number | undefined> {
  while (true) {
    const answer = await attempt()
    if (answer?.status !== 503) return answer?.status
    await setTimeout(50)
  }
}

/** The processes that serve the app, on the machine of the test. */
async function backends (url: string): Promise<number[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query("SELECT pid FROM pg_stat_activity WHERE usename = 'app'")
  client.end()
  await once(client, 'end')
  return rows.map(({ pid }) => pid)
}
