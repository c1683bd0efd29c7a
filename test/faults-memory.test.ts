// The memory store stays within its bound under millions of logins, and its sweep never does more than a thousand sessions at a time.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'

/** Set LOGINS=10000000 for ten million; a million already fills the heap many times over if nothing is dropped. */
const LOGINS = Number(process.env['LOGINS'] ?? 1_000_000)
const MAX_SESSIONS = 10_000

t.setTimeout(600_000)

t.test('millions of logins, in a heap of 64 MB', async (t) => {
  const file = join(t.testdir(), 'memory.mjs')
  await build({ entryPoints: [join(import.meta.dirname, 'fixtures/fault-memory.ts')], bundle: true, platform: 'node', format: 'esm', outfile: file, logLevel: 'error' })
  const child = fork(file, [`${LOGINS}`, `${MAX_SESSIONS}`], { execArgv: ['--max-old-space-size=64'], env: { PATH: process.env['PATH'] } })
  const report = await Promise.race([
    once(child, 'message').then(([message]) => message as Record<string, number>),
    once(child, 'exit').then(([code, signal]) => { throw new Error(`It ended with ${String(code ?? signal)}: out of memory?`) })
  ])
  t.equal(report['largest'], MAX_SESSIONS, 'never more than there may be')
  t.ok(report['mostRemoved']! > 0 && report['mostRemoved']! <= 1_000, 'a sweep looks at a thousand sessions')
  // the end of the ring takes one of the thousand places
  t.ok(report['sweeps']! <= Math.ceil(MAX_SESSIONS / report['mostRemoved']!) + 1, 'and comes round')
  t.comment(`| memory store: ${LOGINS} logins into ${MAX_SESSIONS} places | ${report['microsecondsPerLogin']?.toFixed(1)} µs per login | ${report['sweeps']} sweeps, median ${report['medianSweep']?.toFixed(2)} ms, longest ${report['longestSweep']?.toFixed(2)} ms |`)
})
