// Builds the package: the declarations with tsc, the JavaScript with esbuild, which takes what is used of TypeBox in. `npm run build`, or `npx tsx scripts/build.ts folder`
import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build as bundle } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * @param outDir where to, instead of `dist`
 * @param inside modules that are not public, to be had by their own names, too
 */
export async function build (outDir = `${root}dist`, inside: string[] = []): Promise<void> {
  rmSync(outDir, { recursive: true, force: true })
  tsc('-p', 'tsconfig.build.json', '--outDir', outDir)
  tsc('-p', 'lib/client', '--outDir', `${outDir}/client`)
  await bundle({
    absWorkingDir: root,
    entryPoints: ['lib/index.ts', 'lib/cli.ts', 'lib/stores/sqlite.ts', 'lib/stores/redis.ts', 'lib/stores/postgres.ts', 'lib/testing/index.ts', ...inside],
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    // TypeBox is not among them: its 700 files take 200 ms of every start to read
    external: ['fastify', 'fastify-plugin', '@fastify/*', '@lukeed/ms']
  })
  copyFileSync(`${root}node_modules/typebox/license`, `${outDir}/typebox.license`)
}

function tsc (...args: string[]): void {
  execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, ...args], { cwd: root, stdio: 'inherit' })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build(process.argv[2])
