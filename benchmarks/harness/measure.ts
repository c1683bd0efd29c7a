// Measures servers side by side: fresh processes in each round, short slices in shuffled order, CPU time of the server for each request.
import { send, startServer, type Load, type Server } from './processes.ts'

/** One row of a table. */
export interface Case {
  name: string
  /** A file in `servers/`, with its arguments behind blanks. */
  file: string
  env?: Record<string, string>
  /** The load of one slice; called anew for each, before the clock runs. */
  load (server: Server, count: number): Load | Promise<Load>
  /** Done once for each fresh server, before the first slice. */
  prepare? (server: Server, sendLoad: (load: Load) => Promise<unknown>): Promise<void>
  /** Fewer requests where one costs much: this part of a slice. @default 1 */
  part?: number
}

/** What came out; microseconds of CPU for each request. */
export interface Result {
  name: string
  cpu: Spread
  /** As a multiple of the first case, slice by slice. */
  ratio: Spread
  /** The resident set after the last slice, in MB. */
  rss: number
}

/** The median and the quartiles. */
export interface Spread { low: number, median: number, high: number }

export interface Plan { rounds: number, slices: number, requests: number }

/** Measure all cases beside the first, which is the measure of the others. */
export async function measure (cases: Case[], { rounds, slices, requests }: Plan): Promise<Result[]> {
  const costs = cases.map((): number[] => [])
  const rss = cases.map((): number[] => [])
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round} of ${rounds}\n`)
    const servers = new Map<number, Server>()
    for (const index of shuffled(cases)) {
      const { file, env = {}, prepare } = cases[index]!
      const server = await startServer(file, { env })
      await prepare?.(server, (load) => send(server, load))
      servers.set(index, server)
    }
    // the first slices warm up
    for (let slice = -4; slice < slices; slice++) {
      for (const index of shuffled(cases)) {
        const cost = await costOf(cases[index]!, servers.get(index)!, requests)
        if (slice >= 0) costs[index]!.push(cost)
      }
    }
    for (const [index, server] of servers) {
      rss[index]!.push((await server.memory()).rss / 1e6)
      await server.stop()
    }
  }
  return cases.map(({ name }, index) => ({
    name,
    cpu: spread(costs[index]!),
    ratio: spread(costs[index]!.map((cost, slice) => cost / costs[0]![slice]!)),
    rss: spread(rss[index]!).median
  }))
}

/** The same with each case alone beside the first: a crowd of processes would push one another out of the caches, and the larger pay for it. */
export async function measureInPairs ([first, ...others]: Case[], plan: Plan): Promise<Result[]> {
  const results: Result[] = []
  for (const other of others) {
    const [measureOfAll, result] = await measure([first!, other], plan) as [Result, Result]
    if (results.length === 0) results.push(measureOfAll)
    results.push(result)
  }
  return results
}

/** Microseconds of CPU for each request. */
export async function costOf ({ load, part = 1 }: Case, server: Server, requests: number): Promise<number> {
  const count = Math.ceil(requests * part)
  const slice = await load(server, count)
  const before = await server.cpu()
  await send(server, slice)
  return (await server.cpu() - before) / count
}

export function spread (values: number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
  return { low: at(0.25), median: at(0.5), high: at(0.75) }
}

/** The indexes of a list in random order. */
function shuffled (list: unknown[]): number[] {
  return list.map((_, index) => ({ index, key: Math.random() })).sort((a, b) => a.key - b.key).map(({ index }) => index)
}
