// Each example starts with the one command that stands in its first line and in the table of examples, and answers; without a secret, build() rejects.
import { spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from './fixtures/free-port.ts'
import { plainNode } from './fixtures/plain-node.ts'

const root = join(import.meta.dirname, '..')
const table = readFileSync(join(root, 'examples/README.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'examples-'))
t.teardown(() => rmSync(folder, { recursive: true }))

for (const name of ['magic-link', 'oauth', 'observability', 'openapi', 'passkeys', 'sign-up', 'step-up', 'totp', 'websocket']) {
  t.test(name, async (t) => {
    const file = join(root, `examples/${name}.ts`)
    tellsItsCommand(t, name)

    const port = await freePort()
    const server = spawn(plainNode[0], [
      ...plainNode.slice(1), '--import', import.meta.resolve('tsx'), '--conditions=@fastify-token-auth/source', file
    ], { cwd: folder, env: { PORT: String(port), METRICS_PORT: '0', DATA_FOLDER: folder }, stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(server, 'exit')
    t.teardown(async () => {
      server.kill()
      await exit
    })
    const address = new RegExp(`http://[\\w.:[\\]]+:${port}\\b`)
    let printed = ''
    for await (const [chunk] of on(server.stdout, 'data', { close: ['end'] })) {
      printed += String(chunk)
      if (address.test(printed)) break
    }
    t.notMatch(printed, 'passwords can be guessed at')
    const response = await fetch(`http://localhost:${port}/`)
    t.ok([200, 404].includes(response.status))
    t.equal((await fetch(`http://localhost:${port}/auth/refresh`, { method: 'POST' })).status, 401)
  })
}

// what these two need besides, their tests start
for (const [name, variable] of [['redis', 'REDIS_URL=redis://127.0.0.1:6379 '], ['postgres', 'DATABASE_URL=postgres://user@127.0.0.1/database ']] as const) {
  t.test(name, async (t) => tellsItsCommand(t, name, variable))
}

/** The command stands in the first line and in the table. */
function tellsItsCommand (t: Test, name: string, variable = ''): void {
  const command = `${variable}npx tsx --conditions=@fastify-token-auth/source examples/${name}.ts`
  const [firstLine] = readFileSync(join(root, `examples/${name}.ts`), 'utf8').split('\n', 1)
  t.ok(firstLine?.endsWith(`: ${command}`))
  t.ok(table.includes(`| \`${command}\` | \`${name}.ts\`: `), 'in the table')
}

// people copy build(): there, a variable that was forgotten must be noticed
for (const name of ['magic-link', 'oauth', 'observability', 'openapi', 'passkeys', 'sign-up', 'step-up', 'totp', 'websocket']) {
  t.test(`${name}: build() makes up no secret`, async (t) => {
    const { build } = await import(join(root, `examples/${name}.ts`)) as { build (options: object): Promise<unknown> }
    const options = { file: ':memory:', issuer: 'http://127.0.0.1:1', client: { id: 'x', secret: 'x' } }
    await t.rejects(build(options), { code: 'FST_TOKEN_AUTH_INVALID_OPTION', message: /secret/ })
  })
}
