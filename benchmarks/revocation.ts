// Revocation: how soon another process refuses the access tokens of a session that was ended, and what it costs to remember.
import { randomBytes, randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { RevokedSessions } from '../lib/revoked-sessions.ts'
import { spread } from './harness/measure.ts'
import { startServer, type Server } from './harness/processes.ts'
import { table } from './harness/report.ts'

const TIMES = 200
const IDS = 200_000

/** Milliseconds from the answer to `DELETE /auth/sessions` in one process to the first 401 of another. */
export async function revocation (env: Record<string, string>): Promise<string> {
  const rows = []
  for (const store of ['redis', 'postgres']) {
    const file = `revoking ${store} revoked_${randomUUID().replaceAll('-', '')}`
    const one = await startServer(file, { env })
    const other = await startServer(file, { env })
    const waits = []
    for (const token of await one.make(TIMES)) waits.push(await untilRefused(token, one, other))
    const { low, median, high } = spread(waits)
    rows.push([store, low.toFixed(1), median.toFixed(1), high.toFixed(1), Math.max(...waits).toFixed(1)])
    await Promise.all([one.stop(), other.stop()])
  }
  return table(['From a log-out in one process to 401 in another', 'first quartile, ms', 'median, ms', 'third quartile, ms', 'longest, ms'], rows)
}

async function untilRefused (token: string, one: Server, other: Server): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const ask = async (server: Server, path: string, method: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers })
    await response.arrayBuffer()
    return response.status
  }
  if (await ask(other, '/me', 'GET') !== 200) throw new Error('the token is not good')
  if (await ask(one, '/auth/sessions', 'DELETE') !== 204) throw new Error('the log-out failed')
  const revoked = performance.now()
  while (await ask(other, '/me', 'GET') !== 401);
  return performance.now() - revoked
}

/** Bytes on the heap for each id that is remembered. */
export function bytesOfRevoked (): string {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const ids = Array.from({ length: IDS }, () => randomBytes(16).toString('base64url'))
  gc()
  const before = process.memoryUsage().heapUsed
  const revoked = new RevokedSessions(900_000, Date.now)
  // a copy of the text, as it comes from the store
  for (const id of ids) revoked.add(Buffer.from(id).toString('latin1'))
  gc()
  const bytes = (process.memoryUsage().heapUsed - before) / IDS
  if (!revoked.has(ids[0]!)) throw new Error('nothing was remembered')
  return table(['Revoked sessions', 'bytes for each'], [[`${IDS}`, bytes.toFixed(0)]])
}
