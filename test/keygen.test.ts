// `npx fastify-token-auth keygen`: what it prints is good for the option `secret`.
import { spawnSync } from 'node:child_process'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { run } from '../lib/cli.ts'
import { buildApp } from './fixtures/app.ts'
import { plainNode } from './fixtures/plain-node.ts'

/** What the command prints and says. */
function keygen (...args: string[]): { code: number, out: string, err: string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = run(args, { stdout, stderr } as never)
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

t.test('prints a key that the plugin takes', async (t) => {
  for (const [args, alg] of [[[], 'HS256'], [['secret'], 'HS256'], [['ed25519'], 'EdDSA'], [['p256'], 'ES256'], [['rsa'], 'RS256']] as const) {
    const { code, out, err } = keygen('keygen', ...args)
    t.equal(code, 0)
    t.equal(err, '')
    const { app } = await buildApp(t, { secret: alg === 'HS256' ? out.trim() : { privateKey: out } })
    t.equal(app.tokenAuth.jwks().keys[0]?.alg ?? 'HS256', alg)
  }
})

t.test('never the same twice', async (t) => {
  t.not(keygen('keygen').out, keygen('keygen').out)
})

t.test('explains itself to whoever says anything else, and fails', async (t) => {
  for (const args of [[], ['help'], ['keygen', 'dsa'], ['keygen', '__proto__'], ['keygen', 'secret', 'more']]) {
    t.match(keygen(...args), { code: 2, out: '', err: /^Usage: fastify-token-auth keygen/ })
  }
})

t.test('as a command', async (t) => {
  const { status, stdout } = spawnSync(plainNode[0], [...plainNode.slice(1), '--import=tsx', '--input-type=module', '--eval', "import { run } from './lib/cli.ts'; process.exitCode = run(['keygen'])"], { cwd: new URL('..', import.meta.url), encoding: 'utf8', env: {} })
  t.equal(status, 0)
  t.match(stdout, /^[\w-]{43}\n$/)
})
