// A long run under load: memory must stay flat while people log in, come back with new tokens, refresh and log out.
import { send, startServer } from './harness/processes.ts'
import { table } from './harness/report.ts'
import { getMe, postWithCookie } from './harness/requests.ts'
import { moreLike } from './harness/tokens.ts'

/** The memory of a server over so many minutes, twenty times. */
export async function soak (minutes: number): Promise<string> {
  const server = await startServer('ours-refresh memory 0')
  const start = Date.now()
  const rows = []
  let requests = 0
  while (rows.length < 20) {
    await send(server, getMe(moreLike(server.token!, 2000), 10_000))
    const cookies = await server.make(500)
    await send(server, postWithCookie('/auth/refresh', cookies))
    await send(server, { ...postWithCookie('/auth/logout', cookies), status: 204 })
    requests += 11_500
    const seconds = (Date.now() - start) / 1000
    if (seconds < (rows.length + 1) * minutes * 3) continue
    const { rss, heapUsed } = await server.memory()
    rows.push([seconds.toFixed(0), `${requests}`, (rss / 1e6).toFixed(0), (heapUsed / 1e6).toFixed(0)])
  }
  await server.stop()
  const logOuts = requests / 11_500 * 500
  return `${table(['seconds', 'requests', 'RSS, MB', 'heap, MB'], rows)}

Of these requests ${logOuts} were log-outs. Their ids are remembered for at most two lives of an access token, half an hour here: until then they add to the heap.`
}
