// Refreshing: the CPU of the server and the round trips to the storage, beside the least that can be had by hand.
import { startCountingProxy } from '../test/fixtures/counting-proxy.ts'
import { startPostgres } from '../test/fixtures/postgres.ts'
import { startRedis } from '../test/fixtures/redis.ts'
import { spread, type Case } from './harness/measure.ts'
import { send, startServer, type Server } from './harness/processes.ts'
import { table } from './harness/report.ts'
import { postForm, postWithCookie } from './harness/requests.ts'

const STORES = ['memory', 'sqlite', 'redis', 'postgres'] as const

const PEERS: Case[] = [
  { name: 'memory, oidc-provider', file: 'oidc-provider-refresh', part: 0.5, load: async (server, count) => postForm('/token', 'grant_type=refresh_token&client_id=app&refresh_token=$', await server.make(count)) },
  { name: 'memory, better-auth, its session renewed', file: 'better-auth renew', part: 0.1, load }
]

/** Start Redis and PostgreSQL, and run with where they are. */
export async function withStorage<T> (use: (env: Record<string, string>) => Promise<T>): Promise<T> {
  const redis = await startRedis()
  const postgres = await startPostgres()
  try {
    return await use({ BENCH_REDIS: redis.url, BENCH_POSTGRES: postgres.url })
  } finally {
    await Promise.all([redis.stop(), postgres.stop()])
  }
}

/** For each store, by hand first. The peers are beside memory. */
export function refreshes (env: Record<string, string>): Case[][] {
  return STORES.map((store) => [
    { name: `${store}, by hand`, file: `ideal-refresh ${store}`, env, load, part: 3 },
    { name: `${store}, fastify-token-auth`, file: `ours-refresh ${store}`, env, load, part: 3 },
    ...(store === 'memory' ? PEERS : [])
  ])
}

/** What a refresh costs among so many other sessions, and what a session takes. */
export async function manySessions (counts: number[], env: Record<string, string>): Promise<string> {
  const rows = []
  for (const store of STORES) {
    for (const count of counts) {
      const server = await startServer(`ours-refresh ${store} ${count}`, { env })
      const slices: Array<{ p50: number, p99: number, cpu: number }> = []
      // the first slices warm up
      for (let slice = -4; slice < 10; slice++) {
        const refreshes = await load(server, 500)
        const before = await server.cpu()
        const { p50, p99 } = await send(server, { ...refreshes, connections: 1 })
        if (slice >= 0) slices.push({ p50, p99, cpu: (await server.cpu() - before) / 500 })
      }
      const median = (of: 'p50' | 'p99' | 'cpu') => spread(slices.map((slice) => slice[of])).median
      rows.push([store, `${count}`, median('p50').toFixed(2), median('p99').toFixed(2), median('cpu').toFixed(0), (server.storedBytes! / count).toFixed(0)])
      await server.stop()
    }
  }
  return table(['Store', 'sessions', 'median, ms', 'p99, ms', 'CPU, µs', 'bytes for a session'], rows)
}

async function load (server: Server, count: number) {
  return postWithCookie('/auth/refresh', await server.make(count))
}

/** How often one refresh goes to the storage and back, counted between the two. */
export async function roundTrips (env: Record<string, string>): Promise<Record<string, number>> {
  const result: Record<string, number> = { memory: 0, sqlite: 0 }
  for (const store of ['redis', 'postgres'] as const) {
    const name = `BENCH_${store.toUpperCase()}`
    const target = new URL(env[name]!)
    const proxy = await startCountingProxy(Number(target.port))
    target.port = `${proxy.port}`
    const server = await startServer(`ours-refresh ${store}`, { env: { ...env, [name]: target.href } })
    const [warmUp, ...cookies] = await server.make(21)
    await send(server, { ...postWithCookie('/auth/refresh', [warmUp!]), connections: 1 })
    const before = proxy.trips
    await send(server, { ...postWithCookie('/auth/refresh', cookies), connections: 1 })
    result[store] = (proxy.trips - before) / 20
    await server.stop()
    proxy.close()
  }
  return result
}
