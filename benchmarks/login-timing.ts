// Does the time that a log-in takes tell who has an account? An unknown user against a wrong password, over HTTP, in random order; beside a verifier that does tell, to show that it would be seen.
// Run it with: npx tsx benchmarks/login-timing.ts [rounds, default 1000]
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import tokenAuth, { MemoryStore, type UserVerifier } from '../lib/index.ts'
import { createUserVerifier, people, type Person } from '../examples/users.ts'

const ROUNDS = Number(process.argv[2] ?? 1000)
const WARM_UP = 50
const USERNAME = people[0]?.username as string

type Verifier = UserVerifier<Person, { username: string, password: string }>
type Samples = Record<'unknown' | 'wrong', number[]>

/** The mistake that the example's verifier avoids: no hash for a name that is not there. */
async function createTellingVerifier (): Promise<Verifier> {
  const verifier = await createUserVerifier()
  return { ...verifier, verify: async (credentials) => credentials.username === USERNAME ? await verifier.verify(credentials) : null }
}

/** Milliseconds that each log-in took, one after the other. */
async function measure (userVerifier: Verifier): Promise<Samples> {
  const app = Fastify()
  await app.register(tokenAuth, { secret: 'a secret of the benchmark, 32 bytes or more', userVerifier, refreshTokenStore: new MemoryStore() })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const login = async (username: string) => {
    // of one length, so that the size of the request tells nothing
    const body = JSON.stringify({ username, password: 'wrong' })
    const start = process.hrtime.bigint()
    await new Promise<void>((resolve, reject) => {
      request({ port, host: '127.0.0.1', method: 'POST', path: '/auth/login', agent, headers: { 'content-type': 'application/json', 'content-length': body.length } }, (response) => {
        if (response.statusCode !== 401) reject(new Error(`status ${response.statusCode}`))
        response.resume().on('end', resolve)
      }).on('error', reject).end(body)
    })
    return Number(process.hrtime.bigint() - start) / 1e6
  }

  const samples: Samples = { unknown: [], wrong: [] }
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const order = Math.random() < 0.5 ? ['unknown', 'wrong'] as const : ['wrong', 'unknown'] as const
    for (const which of order) {
      const time = await login(which === 'wrong' ? USERNAME : Math.random().toString(36).slice(2, 2 + USERNAME.length))
      if (round >= 0) samples[which].push(time)
    }
  }
  agent.destroy()
  await app.close()
  return samples
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const variance = (values: number[], middle = mean(values)) => values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)

/** Leave out the slowest twentieth of both together: what the machine did meanwhile is no signal. */
function cropped ({ unknown, wrong }: Samples): Samples {
  const all = [...unknown, ...wrong].sort((a, b) => a - b)
  const limit = all[Math.floor(all.length * 0.95)] as number
  return { unknown: unknown.filter((time) => time <= limit), wrong: wrong.filter((time) => time <= limit) }
}

function row (name: string, samples: Samples): string {
  const { unknown, wrong } = cropped(samples)
  const difference = mean(unknown) - mean(wrong)
  const error = Math.sqrt(variance(unknown) / unknown.length + variance(wrong) / wrong.length)
  const t = difference / error
  const cells = [name, median(unknown).toFixed(3), median(wrong).toFixed(3), `${difference.toFixed(3)} ± ${(1.96 * error).toFixed(3)}`, t.toFixed(1), Math.abs(t) > 4.5 ? 'yes' : 'no']
  return `| ${cells.join(' | ')} |`
}

console.log(`${ROUNDS} pairs each; milliseconds; ± is the 95 % confidence interval; |t| over 4.5 (Welch) counts as told apart\n`)
console.log('| verifier | unknown user, median | wrong password, median | difference of means | t | told apart |')
console.log('| --- | --- | --- | --- | --- | --- |')
console.log(row("the example's", await measure(await createUserVerifier())))
console.log(row('one that does not hash for unknown users', await measure(await createTellingVerifier())))
