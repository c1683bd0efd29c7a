// A long run under load: memory must stay flat while people log in, come back with new tokens, refresh and log out.
import { setTimeout } from 'node:timers/promises'
import { send, startServer } from './harness/processes.ts'
import { getMe, postWithCookie } from './harness/requests.ts'
import { moreLike } from './harness/tokens.ts'

/** Print the memory of a server every ten seconds, for so many minutes. */
export async function soak (minutes: number): Promise<void> {
  const server = await startServer('ours-refresh memory 0')
  const end = Date.now() + minutes * 60_000
  let requests = 0
  let next = 0
  console.log('| seconds | requests | RSS, MB | heap, MB |\n| ---: | ---: | ---: | ---: |')
  while (Date.now() < end) {
    await send(server, getMe(moreLike(server.token!, 2000), 10_000))
    const cookies = await server.make(500)
    await send(server, postWithCookie('/auth/refresh', cookies))
    await send(server, { ...postWithCookie('/auth/logout', cookies), status: 204 })
    requests += 11_500
    if (Date.now() >= next) {
      next = Date.now() + 10_000
      const { rss, heapUsed } = await server.memory()
      console.log(`| ${Math.round((minutes * 60_000 - end + Date.now()) / 1000)} | ${requests} | ${(rss / 1e6).toFixed(0)} | ${(heapUsed / 1e6).toFixed(0)} |`)
    }
    await setTimeout(1)
  }
  await server.stop()
}
