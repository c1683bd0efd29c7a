// Makes a script for a page out of a module, so that the examples run without a build; an app's bundler does this.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundle a module, with what it imports, as one script.
 *
 * @param specifier as in an `import` of this folder: `'fastify-token-auth/client'`, `'./client-websocket.ts'`
 */
export async function bundleScript (specifier: string): Promise<string> {
  const { outputFiles: [script] } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve(specifier))],
    bundle: true,
    format: 'esm',
    write: false
  })
  if (!script) throw new Error(`esbuild has made no script of ${specifier}`)
  return script.text
}
