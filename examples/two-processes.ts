// Runs an app in two processes that share a port, connections going to each in turn; one that dies is started again.
import cluster from 'node:cluster'
import type { FastifyInstance } from 'fastify'

/**
 * Run the app of `build` in two processes on HOST and PORT, by default http://127.0.0.1:3000, until SIGINT or SIGTERM,
 * which lets requests under way finish. What keeps an app from starting is printed in one line, and the exit code is 1.
 */
export async function runTwice (build: () => Promise<FastifyInstance>): Promise<void> {
  const { HOST: host = '127.0.0.1', PORT: port = '3000' } = process.env
  if (cluster.isPrimary) {
    runPrimary(`http://${host}:${port}`)
    return
  }
  try {
    const app = await build()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, async () => {
        await app.close()
        cluster.worker?.disconnect()
      })
    }
    await app.listen({ host, port: Number(port) })
  } catch (error) {
    console.error((error as Error).message)
    process.exit(1)
  }
}

function runPrimary (origin: string): void {
  let isEnding = false
  const end = () => {
    isEnding = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
  }
  const listened = new Set<number>()
  cluster.on('listening', ({ id }) => { if (listened.add(id).size === 2) console.log(`Two processes listen on ${origin}; log in as ada with the password analytical-engine`) })
  cluster.on('exit', ({ id }) => {
    if (isEnding) return
    if (listened.has(id)) {
      cluster.fork()
    } else {
      // one that has not come to listen would not the next time either
      process.exitCode = 1
      end()
    }
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  cluster.fork()
  cluster.fork()
}
