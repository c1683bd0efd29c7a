// The client: raw keep-alive sockets, one request at a time on each, and an event loop that never sleeps, because waking it would cost the server a system call of much more than a guard.
import { once } from 'node:events'
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

/** Open sockets, by port. */
const pools = new Map()

process.on('disconnect', () => process.exit())
process.on('message', async (load) => {
  if (load.close !== undefined) {
    for (const socket of pools.get(load.close) ?? []) socket.destroy()
    pools.delete(load.close)
    return
  }
  try {
    process.send(await run(load))
  } catch (err) {
    process.send({ failed: String(err) })
  }
})

/** Send `count` requests: `head` with each of `values` in turn in the place of `$`, and wait for all answers. */
async function run ({ port, connections, count, head, values, status = 200 }) {
  const latencies = new Float64Array(count)
  const sockets = await pool(port, connections)
  const [before, after] = head.split('$')
  const requests = values.map((value) => Buffer.from(`${before}${value}${after ?? ''}`, 'latin1'))
  let sent = 0
  let bytes = 0
  let busy = true
  spin()
  try {
    await Promise.all(sockets.map((socket) => drive(socket)))
  } finally {
    busy = false
  }
  latencies.sort()
  return { p50: latencies[count >> 1], p99: latencies[Math.floor(count * 0.99)], max: latencies[count - 1], bytes: bytes / count }

  function spin () {
    if (busy) setImmediate(spin)
  }

  function drive (socket) {
    return new Promise((resolve, reject) => {
      let answer = ''
      let began = 0
      let index = -1
      next()
      socket.on('data', onData)
      socket.once('close', onClose)

      function next () {
        if (sent === count) {
          socket.off('data', onData)
          socket.off('close', onClose)
          resolve()
          return
        }
        index = sent++
        answer = ''
        began = performance.now()
        socket.write(requests[index % requests.length])
      }

      function onData (chunk) {
        answer += chunk
        const end = answer.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0)
        if (answer.length < end + 4 + length) return
        latencies[index] = performance.now() - began
        bytes += answer.length
        if (answer.startsWith(`HTTP/1.1 ${status} `)) next()
        else reject(new Error(answer.slice(0, 1000)))
      }

      function onClose () {
        reject(new Error('the server closed the connection'))
      }
    })
  }
}

async function pool (port, connections) {
  const open = pools.get(port) ?? []
  while (open.length < connections) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.setEncoding('latin1')
    await once(socket, 'connect')
    open.push(socket)
  }
  pools.set(port, open)
  return open.slice(0, connections)
}
