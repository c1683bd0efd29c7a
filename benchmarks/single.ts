// Figures that need no rounds: the memory that a guarded request allocates, a start from nothing, a guarded route beside log-ins.
import { spread } from './harness/measure.ts'
import { send, startServer, type Server } from './harness/processes.ts'
import { table } from './harness/report.ts'
import { getMe, postJson } from './harness/requests.ts'

/** Bytes on the heap for each request, with a young generation so large that nothing is collected meanwhile. */
export async function allocations (): Promise<string> {
  const rows = []
  for (const [name, file] of [['no guard', 'bare'], ['fastify-token-auth, token seen before', 'ours'], ['@fastify/jwt', 'fastify-jwt'], ['@fastify/jwt, its cache on', 'fastify-jwt HS256 cache']] as const) {
    const server = await startServer(file, { nodeOptions: ['--max-semi-space-size=512', '--min-semi-space-size=512'] })
    const load = getMe([server.token ?? 'x'], 1000)
    await send(server, { ...load, count: 5000 })
    const allocated = []
    for (let time = 0; time < 9; time++) {
      const before = await server.memory()
      await send(server, load)
      allocated.push(((await server.memory()).heapUsed - before.heapUsed) / load.count)
    }
    // the median: a collection in between only spoils the one that it falls into
    rows.push([name, spread(allocated).median.toFixed(0)])
    await server.stop()
  }
  return table(['Allocated on the heap', 'bytes for each request'], rows)
}

/** CPU, wall time and memory of a process from its start until it listens. */
export async function coldStart (times: number): Promise<string> {
  const kinds = {
    'bare Fastify app': 'bare',
    'with a route that validates a JSON body': 'body',
    'with that, @fastify/jwt and @fastify/cookie': 'by-hand',
    'with fastify-token-auth': 'ours'
  }
  const seen = Object.keys(kinds).map((): { startCpu: number, wall: number, rss: number }[] => [])
  for (let time = 0; time < times; time++) {
    for (const [index, kind] of Object.values(kinds).entries()) {
      const server = await startServer(`cold ${kind}`)
      seen[index]!.push(server as unknown as { startCpu: number, wall: number, rss: number })
      await server.stop()
    }
  }
  return table(['Start until it listens', 'CPU, ms', 'wall, ms', 'RSS, MB'], Object.keys(kinds).map((name, index) => [
    name,
    spread(seen[index]!.map(({ startCpu }) => startCpu / 1000)).median.toFixed(0),
    spread(seen[index]!.map(({ wall }) => wall)).median.toFixed(0),
    spread(seen[index]!.map(({ rss }) => rss / 1e6)).median.toFixed(0)
  ]))
}

const LOGIN = JSON.stringify({ username: 'ada', password: 'analytical-engine' })

/** What a log-in costs beside its hash; latency of the guarded route, alone and while sixteen clients log in without pause. */
export async function logins (): Promise<string> {
  const server = await startServer('logins')
  const count = 100
  const logIn = () => send(server, { ...postJson('/auth/login', [LOGIN], count), connections: 1 })
  await logIn()
  const cpu = [await server.cpu()]
  await logIn()
  cpu.push(await server.cpu())
  await server.make(count)
  cpu.push(await server.cpu())
  const [start, loggedIn, hashed] = cpu as [number, number, number]

  const guarded = () => send(server, { ...getMe([server.token!], 4000), connections: 1 })
  await guarded()
  const alone = await guarded()
  const stop = keepLoggingIn(server, 16)
  const busy = await guarded()
  await stop()
  await server.stop()
  const row = (name: string, { p50, p99, max }: typeof alone) => [name, p50.toFixed(2), p99.toFixed(2), max.toFixed(1)]
  return [
    table(['Log-in', 'CPU, ms'], [
      ['argon2id alone', ((hashed - loggedIn) / count / 1000).toFixed(1)],
      ['POST /auth/login, argon2id and all', ((loggedIn - start) / count / 1000).toFixed(1)]
    ]),
    table(['Guarded route', 'median, ms', 'p99, ms', 'longest, ms'], [row('alone', alone), row('beside 16 clients that log in', busy)])
  ].join('\n\n')
}

/** Clients that log in one after another, asleep while they wait, to leave the processors to the hashes. */
function keepLoggingIn (server: Server, count: number): () => Promise<unknown> {
  const over = new AbortController()
  const clients = Promise.all(Array.from({ length: count }, async () => {
    while (!over.signal.aborted) {
      const response = await fetch(`http://127.0.0.1:${server.port}/auth/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: LOGIN })
      if (!response.ok) throw new Error(await response.text())
      await response.arrayBuffer()
    }
  }))
  return () => {
    over.abort()
    return clients
  }
}
