// What all servers share: they listen on a free port of the loopback interface and answer the harness over IPC, beside the requests that are measured.

/**
 * @param {import('node:http').Server} server
 * @param {object} told what the harness is told of this server, such as a token to send
 * @param {(count: number) => Promise<string[]>} [make] makes tokens or cookies, each good for one request
 */
export function serve (server, told = {}, make) {
  // connections stay open from one measurement to the next
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, ...told }))
  process.on('message', async ({ make: count }) => {
    if (count === undefined) {
      process.send({ cpu: process.cpuUsage(), memory: process.memoryUsage() })
      return
    }
    // without a collection behind it: a full one makes the next thousands of requests cost twice as much, for all alike
    process.send({ made: await make(count) })
  })
  process.on('disconnect', () => process.exit())
}

/** As many as are wanted, a hundred at a time: all at once would leave a heap behind that requests had to pay for. */
export async function inBatches (count, makeOne) {
  const made = []
  while (made.length < count) made.push(...await Promise.all(Array.from({ length: Math.min(100, count - made.length) }, makeOne)))
  return made
}

/** The same as `serve`, for a Fastify app. */
export async function serveFastify (app, told, make) {
  await app.ready()
  serve(app.server, told, make)
}

/** The route that all of them have, which says who asks. */
export const schema = { response: { 200: { type: 'object', properties: { id: { type: 'string' } } } } }
