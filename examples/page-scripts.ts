// Makes scripts for pages out of modules, so that the examples run without a build; an app's bundler does this.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { FastifyInstance } from 'fastify'

/**
 * Serve modules, each with what it imports as one script.
 *
 * @param scripts by path, the specifier as in an `import` of this folder: `'fastify-token-auth/client'`, `'./client-websocket.ts'`
 */
export async function serveScripts (app: FastifyInstance, scripts: Record<string, string>): Promise<void> {
  for (const [path, specifier] of Object.entries(scripts)) {
    const script = await bundle(specifier)
    app.get(path, async (request, reply) => reply.type('text/javascript').send(script))
  }
}

async function bundle (specifier: string): Promise<string> {
  const { outputFiles: [script] } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve(specifier))],
    bundle: true,
    format: 'esm',
    write: false
  })
  if (!script) throw new Error(`esbuild has made no script of ${specifier}`)
  return script.text
}
