// Builds the package as it is published into the benchmarks' own node_modules, where the servers import it by its name.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build as buildPackage } from '../../scripts/build.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const target = `${root}benchmarks/node_modules/fastify-token-auth`

export async function build (): Promise<void> {
  mkdirSync(target, { recursive: true })
  copyFileSync(`${root}package.json`, `${target}/package.json`)
  // the memory of seen tokens is switched off in one of the cases, and refresh tokens are minted without the requests of log-ins
  await buildPackage(`${target}/dist`, ['lib/seen-tokens.ts', 'lib/keys.ts', 'lib/refresh-token.ts'])
  // the verifier of the examples, which is measured too
  tsc('examples/users.ts', '--ignoreConfig', '--outDir', `${target}/examples`, '--target', 'es2023', '--module', 'nodenext', '--skipLibCheck', '--types', 'node')
}

function tsc (...args: string[]): void {
  execFileSync(`${root}node_modules/.bin/tsc`, args, { cwd: root, stdio: 'inherit' })
}
