// Starts the servers and the client, each a process of its own, and talks to them over IPC.
import { fork, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a server says of itself when it listens. */
export interface Told {
  port: number
  /** An access token that it takes. */
  token?: string
  /** A cookie that it takes. */
  cookie?: string
  /** What the sessions take that it made before it listened. */
  storedBytes?: number
}

/** What the client is to send. */
export interface Load {
  /** The request up to its blank line, and its body; `$` stands for a value. */
  head: string
  values: string[]
  count: number
  connections?: number
  status?: number
}

/** What the client saw; times in milliseconds. */
export interface Seen { p50: number, p99: number, max: number, bytes: number }

/** Made anew for each run. */
export const keys = {
  BENCH_SECRET: 'a secret for benchmarks, which protects nothing at all',
  BENCH_ED25519: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  BENCH_RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/**
 * As large as V8 lets it grow, for all servers alike. Left to itself it stops at a size that hangs on what was allocated at
 * the start: merely importing a module made each request 15 % dearer, or did not.
 */
const YOUNG_GENERATION = ['--min-semi-space-size=16', '--max-semi-space-size=16']

export interface Server extends Told {
  /** User and system time so far, in microseconds. */
  cpu (): Promise<number>
  memory (): Promise<NodeJS.MemoryUsage>
  /** Tokens or cookies, each good for one request. */
  make (count: number): Promise<string[]>
  stop (): Promise<void>
}

/** @param file the server's, with its arguments behind blanks */
export async function startServer (file: string, { env = {}, nodeOptions = [] }: { env?: Record<string, string>, nodeOptions?: string[] } = {}): Promise<Server> {
  const [name, ...args] = file.split(' ') as [string, ...string[]]
  const child = start(`../servers/${name}.js`, args, ['--expose-gc', ...YOUNG_GENERATION, ...nodeOptions], env)
  const told = await answer(child) as unknown as Told
  const ask = (question: object) => { child.send(question); return answer(child) }
  return {
    ...told,
    async cpu () {
      const { user, system } = (await ask({}))['cpu'] as NodeJS.CpuUsage
      return user + system
    },
    async memory () { return (await ask({}))['memory'] as NodeJS.MemoryUsage },
    async make (count) { return (await ask({ make: count }))['made'] as string[] },
    async stop () {
      client.send({ close: told.port })
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    }
  }
}

/** Send a load and wait for all answers. @throws Error for an answer of another status */
export async function send (server: Server, { connections = 8, ...load }: Load): Promise<Seen> {
  client.send({ port: server.port, connections, ...load })
  const seen = await answer(client)
  if (seen['failed'] !== undefined) throw new Error(String(seen['failed']))
  return seen as unknown as Seen
}

const client = start('../client.js', [], [], {})

function start (path: string, args: string[], nodeOptions: string[], env: Record<string, string>): ChildProcess {
  // without what this process was started with: a loader would be measured too
  return fork(fileURLToPath(new URL(path, import.meta.url)), args, { execArgv: nodeOptions, env: { ...process.env, ...keys, ...env, NODE_OPTIONS: '', NODE_ENV: 'production' } })
}

function answer (child: ChildProcess): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => { reject(new Error(`${child.spawnargs.slice(1).join(' ')} ended with ${code}`)) }
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as Record<string, unknown>)
    })
  })
}
