// `npm start` as people meet it: what it prints, how it stops, and what it says when it cannot start.
import { spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { plainNode } from './fixtures/plain-node.ts'

const root = new URL('..', import.meta.url)
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: { start: string } }
const folder = mkdtempSync(join(tmpdir(), 'example-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** Run what `npm start` runs, with this Node.js, without npm in between, whose exit code would hide the server's; and without the warning of Node.js 22 that its SQLite is experimental. */
function start (t: Test, env: Record<string, string>) {
  const [command, ...args] = scripts.start.split(' ')
  const server = spawn(plainNode[0], [...plainNode.slice(1), `node_modules/.bin/${command}`, ...args], { cwd: root, env: { DATA_FOLDER: folder, NODE_NO_WARNINGS: '1', ...env } })
  const exit = once(server, 'exit')
  t.teardown(() => server.kill())
  return { server, exit }
}

/** Its address, once it listens, and all that it has printed so far. */
async function listening ({ server }: ReturnType<typeof start>): Promise<{ origin: string, printed: string }> {
  let printed = ''
  for await (const [chunk] of on(server.stdout, 'data', { close: ['end'] })) {
    printed += String(chunk)
    const origin = /Open (http:\S+)/.exec(printed)?.[1]
    if (origin !== undefined && printed.includes('grace')) return { origin, printed }
  }
  throw new Error('it has ended without listening')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`prints its address and who can log in, and closes on ${signal}`, async (t) => {
    const started = start(t, { PORT: '0' })
    const { origin, printed } = await listening(started)
    t.match(printed, /ada +with the password analytical-engine/)
    t.match(printed, /grace +with the password eleven-inches-of-wire/)
    t.match(origin, /^http:\/\/127\.0\.0\.1:\d+$/)
    const login = await fetch(`${origin}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'ada', password: 'analytical-engine' })
    })
    t.equal(login.status, 200)
    t.match(await (await fetch(`${origin}/client.js`)).text(), 'createAuthClient', 'the client, without a build')
    started.server.kill(signal)
    t.same(await started.exit, [0, null])
  })
}

t.test('a port that is taken: one line that says so', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const PORT = String((other.address() as AddressInfo).port)
  const { server, exit } = start(t, { PORT })
  t.equal(await text(server.stderr), `Port ${PORT} of 127.0.0.1 is taken: stop what listens there, or choose another one with PORT=3001 npm start\n`)
  t.same(await exit, [1, null])
})

t.test('a secret that is too short: one line that says so', async (t) => {
  const { server, exit } = start(t, { PORT: '0', AUTH_SECRET: 'short' })
  t.match(await text(server.stderr), /^secret is too short.*\n$/)
  t.same(await exit, [1, null])
})
