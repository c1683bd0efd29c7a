// Redis restarted empty ends its sessions without an alarm, scripts forgotten or slots moved are not noticed, and a fail-over that loses the last writes logs nobody out.
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { FaultClient } from './fixtures/fault-client.ts'
import { startFarm } from './fixtures/fault-farm.ts'
import { startRedisCluster } from './fixtures/redis-cluster.ts'
import { startRedis, uniquePrefix } from './fixtures/redis.ts'

const MINUTE = 60_000
const CLIENTS = 30

t.test('restarted empty', async (t) => {
  let redis = await startRedis()
  t.teardown(() => redis.stop())
  const farm = await startFarm(t, { kind: 'redis', url: redis.url, keyPrefix: uniquePrefix() }, { servers: 2 })
  const clients = await farm.logins(CLIENTS)
  await refreshAll(clients)
  farm.tally.events.length = 0

  const { port } = redis
  await redis.stop()
  redis = await startRedis([], port)
  const answers = await refreshAll(clients)
  t.same(new Set(answers.map((answer) => `${answer?.status} ${String(answer?.body?.['code'])}`)), new Set(['401 FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN']))
  t.ok(clients.every(({ cookie }) => cookie === ''), 'the cookie is cleared')
  t.same(farm.tally.events.map((event) => event.type === 'refresh-rejected' && event.reason), clients.map(() => 'gone'), 'the session is gone, nobody has stolen it')

  await Promise.all(clients.map((client) => client.login(farm.next())))
  await farm.countLost(clients)
  farm.tally.report(t, 'Redis restarted empty', { unauthorized: CLIENTS })

  async function refreshAll (clients: FaultClient[]) {
    await farm.pass(16 * MINUTE)
    return await Promise.all(clients.map((client) => untilAnswered(() => client.refresh(farm.next()))))
  }
})

t.test('SCRIPT FLUSH', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const admin = connect(t, redis.port)
  const farm = await startFarm(t, { kind: 'redis', url: redis.url, keyPrefix: uniquePrefix() }, { servers: 2 })
  const clients = await farm.logins(CLIENTS)
  for (let round = 0; round < 5; round++) {
    await farm.pass(16 * MINUTE)
    await admin.script('FLUSH')
    t.ok((await Promise.all(clients.map((client) => client.refresh(farm.next())))).every((answer) => answer?.status === 200 && answer.headers['set-cookie'] !== undefined))
  }
  await farm.countLost(clients)
  farm.tally.report(t, 'SCRIPT FLUSH before each refresh')
})

t.test('Redis Cluster', async (t) => {
  const cluster = await startRedisCluster(3_000)
  t.teardown(() => cluster.stop())
  const ports = cluster.nodes.map(({ port }) => port)
  const admins = ports.map((port) => connect(t, port))

  t.test('a slot that moves to another node', async (t) => {
    const keyPrefix = uniquePrefix()
    const farm = await startFarm(t, { kind: 'cluster', ports, keyPrefix }, { servers: 2 })
    const [client] = await farm.logins(1) as [FaultClient]
    const refresh = async () => {
      await farm.pass(16 * MINUTE)
      const answers = await Promise.all(farm.servers.map(({ origin }) => client.copy().refresh(origin)))
      await farm.pass(16 * MINUTE)
      return [...answers, await client.refresh(farm.next())].map((answer) => answer?.status)
    }
    const key = `${keyPrefix}session:${sessionId(client)}`
    const slot = await admins[0]!.cluster('KEYSLOT', key)
    const ids = await Promise.all(admins.slice(0, 3).map(async (admin) => String(await admin.call('CLUSTER', 'MYID'))))
    const [from] = (await Promise.all([0, 1, 2].map(async (index) => await admins[index]!.exists(key).catch(() => 0) === 1 ? [index] : []))).flat() as [number]
    const to = (from + 1) % 3
    t.same(await refresh(), [200, 200, 200], 'before')

    await admins[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]!)
    await admins[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]!)
    t.same(await refresh(), [200, 200, 200], 'the slot is about to move')
    await admins[from]!.migrate('127.0.0.1', ports[to]!, key, 0, 5_000)
    t.same(await refresh(), [200, 200, 200], 'the key has moved: ASK')
    for (const index of [to, from]) await admins[index]!.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to]!)
    t.same(await refresh(), [200, 200, 200], 'the slot has moved: MOVED')
    const errors = await admins[from]!.info('errorstats')
    t.match(errors, /errorstat_ASK:/)
    t.match(errors, /errorstat_MOVED:/)

    await farm.countLost([client])
    farm.tally.report(t, 'Redis Cluster: ASK and MOVED')
  })

  t.test('a fail-over that loses the last writes', async (t) => {
    const keyPrefix = uniquePrefix()
    const farm = await startFarm(t, { kind: 'cluster', ports, keyPrefix }, { servers: 2 })
    const clients = await farm.logins(CLIENTS)
    const refreshAll = async () => {
      await farm.pass(16 * MINUTE)
      return await Promise.all(clients.map((client) => untilAnswered(() => client.refresh(farm.next()))))
    }
    await refreshAll()
    const [master, , , replica] = admins as [Redis, Redis, Redis, Redis]
    const sessions = (await master.keys(`${keyPrefix}session:*`)).length
    await master.wait(1, 10_000)

    // the replica cannot follow any more
    await replica.config('SET', 'masterauth', 'wrong')
    await master.call('CLIENT', 'KILL', 'TYPE', 'replica')
    await until(async () => (await replica.info('replication')).includes('master_link_status:down'))
    for (let lost = 0; lost < 3; lost++) await refreshAll()
    master.disconnect()
    await cluster.nodes[0]!.stop()
    await until(async () => (await replica.info('replication')).includes('role:master'))
    await until(async () => String(await replica.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))

    const answers = await refreshAll()
    t.ok(answers.every((answer) => answer?.status === 200 && answer.headers['set-cookie'] !== undefined), 'everybody goes on')
    const rollbacks = farm.tally.events.filter((event) => event.type === 'store-rollback')
    t.ok(sessions > 0, 'that node had some of the sessions')
    t.same(rollbacks.map(({ lostGenerations }) => lostGenerations), Array(sessions).fill(3), 'and what it lost is reported')
    await farm.countLost(clients)
    farm.tally.report(t, 'Redis Cluster: a fail-over loses the last three writes')
  })
})

function connect (t: Test, port: number): Redis {
  const client = new Redis(port, '127.0.0.1')
  client.on('error', () => {})
  t.teardown(() => { client.disconnect() })
  return client
}

function sessionId ({ accessToken }: FaultClient): string {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()).sid
}

/** Try as a client does that is told to retry. */
async function untilAnswered<Answer extends { status: number }> (attempt: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
  while (true) {
    const answer = await attempt()
    if (answer?.status !== 503) return answer
    await setTimeout(50)
  }
}

async function until (holds: () => Promise<boolean>): Promise<void> {
  while (!await holds()) await setTimeout(50)
}
