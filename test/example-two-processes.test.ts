// Two processes on one port: one that a bug has ended is started again, and the other goes on.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { freePort } from './fixtures/free-port.ts'
import { start } from './fixtures/two-processes.ts'

t.test('an exception that nobody catches ends one process, which is replaced', async (t) => {
  const origin = `http://127.0.0.1:${await freePort()}`
  const child = start('../test/fixtures/app-with-a-bug.ts', { PORT: new URL(origin).port })
  t.teardown(() => { child.kill('SIGTERM') })
  const exit = once(child, 'exit')
  await once(createInterface(child.stdout!), 'line')

  // a connection for each request, so that each goes to the process whose turn it is
  const ask = (path: string) => fetch(origin + path, { headers: { connection: 'close' }, signal: AbortSignal.timeout(3_000) }).then((response) => response.text(), () => undefined)
  const before = new Set([await ask('/pid'), await ask('/pid')])
  t.equal(before.size, 2)
  t.equal(await ask('/bug'), undefined)

  const isNew = (pid: string | undefined) => pid !== undefined && !before.has(pid)
  while (child.exitCode === null && !isNew(await ask('/pid')));
  t.equal(child.exitCode, null, 'they go on')

  child.kill('SIGTERM')
  t.same(await exit, [0, null])
})
