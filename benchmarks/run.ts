// The door of the benchmarks: builds the package, measures everything, prints the tables, and writes them and the chart into `results/` and the README. `--help` tells the options.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { growth, guards } from './guard.ts'
import { build } from './harness/build.ts'
import { measure, measureInPairs, type Plan } from './harness/measure.ts'
import { chart, resultTable, table } from './harness/report.ts'
import { manySessions, refreshes, roundTrips, withStorage } from './refresh.ts'
import { allocations, coldStart, logins } from './single.ts'
import { bytesOfRevoked, revocation } from './revocation.ts'
import { soak } from './soak.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'guard,growth,refresh,sessions,revocation,single' },
    million: { type: 'boolean', default: false },
    soak: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})

const RESULTS = new URL('results/', import.meta.url)
const README = new URL('../README.md', import.meta.url)

if (options.help) {
  console.log(`npm run bench -- options
  --rounds N        rounds of fresh processes (3)
  --only a,b        of guard, growth, refresh, sessions, revocation, single
  --million         also a store of a million sessions
  --soak MINUTES    instead: keep a server under load and print its memory over time`)
} else {
  await build()
  mkdirSync(RESULTS, { recursive: true })
  if (options.soak !== undefined) publish('soak', 'Memory under load', [await soak(Number(options.soak))])
  else await run(new Set(options.only.split(',')), Number(options.rounds))
}
process.exit()

async function run (wanted: Set<string>, rounds: number): Promise<void> {
  const plan: Plan = { rounds, slices: 8, requests: 5000 }
  const short: Plan = { rounds: 2, slices: 8, requests: 4000 }

  if (wanted.has('guard')) {
    const results = await withStorage((env) => measureInPairs(guards(env), plan))
    publish('guard', 'The guard: CPU of the server for one request, as a multiple of the same route without a guard', [resultTable('`GET /me`', results)])
    const charted = results.filter(({ name }) => !name.startsWith('—'))
    writeFileSync(new URL('chart.svg', RESULTS), chart('CPU for a guarded request; 1 is the same route without a guard', charted))
  }
  if (wanted.has('growth')) {
    const tables = []
    for (const [what, cases] of Object.entries(growth)) tables.push(resultTable(what, await measure(cases, short)))
    publish('growth', 'The guard: how its cost grows', tables)
  }
  if (['refresh', 'sessions', 'revocation'].some((name) => wanted.has(name))) {
    await withStorage(async (env) => {
      if (wanted.has('refresh')) {
        const trips = table(['Storage', 'round trips for a refresh'], Object.entries(await roundTrips(env)).map(([name, trips]) => [name, `${trips}`]))
        const results = []
        for (const cases of refreshes(env)) results.push(...await measureInPairs(cases, short))
        publish('refresh', 'Refreshing: CPU of the server, beside the least that can be had by hand on the same storage', [trips, resultTable('`POST /auth/refresh`', results)])
      }
      if (wanted.has('sessions')) {
        const counts = [1000, 100_000, ...(options.million ? [1_000_000] : [])]
        publish('sessions', 'Refreshing among many sessions, one request at a time', [await manySessions(counts, env)])
      }
      if (wanted.has('revocation')) publish('revocation', 'Revocation', [await revocation(env), bytesOfRevoked()])
    })
  }
  if (wanted.has('single')) publish('single', 'Allocations, start and log-in', [await allocations(), await coldStart(7), await logins()])
}

function publish (file: string, title: string, tables: string[]): void {
  const machine = `Node.js ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}. V8's young generation at 16 MB for all. Load from a client that never sleeps, over 8 kept connections without pipelining.`
  const text = [`## ${title}`, machine, ...tables].join('\n\n')
  writeFileSync(new URL(`${file}.md`, RESULTS), `${text}\n`)
  // where the README has a place for it
  const place = new RegExp(`(<!-- benchmarks: ${file} -->\n)[^]*?(<!-- end -->)`)
  writeFileSync(README, readFileSync(README, 'utf8').replace(place, (_, begin: string, end: string) => `${begin}\n${[machine, ...tables].join('\n\n')}\n\n${end}`))
  console.log(`\n${text}`)
}
