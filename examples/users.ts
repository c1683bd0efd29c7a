// The demo's people: a user verifier that keeps argon2id hashes, costs the same for unknown names, and refuses work beyond what the machine can do.
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import pLimit from 'p-limit'

/** A person as the rest of the app sees one: never with a password or its hash. */
export interface Person {
  id: string
  username: string
  name: string
  role: string
}

/** The people of the demo. An app keeps a table of hashes; the passwords stand here only because everybody may know them. */
export const people = [
  { id: 'p-1815', username: 'ada', password: 'analytical-engine', name: 'Ada Lovelace', role: 'Analyst' },
  { id: 'p-1906', username: 'grace', password: 'eleven-inches-of-wire', name: 'Grace Hopper', role: 'Rear admiral' }
]

/** What OWASP recommends of argon2id, the library's default algorithm: 19 MiB, two passes, one lane. */
const ARGON2 = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

/** How many log-ins may wait for a free core; at ten milliseconds each, nobody waits for long. */
const MAX_WAITING = 64

/** Make the verifier of the demo's people. One log-in per core is hashed at a time; with too many waiting it throws, which is answered `503` with `Retry-After`. */
export async function createUserVerifier () {
  const limit = pLimit(availableParallelism())
  const hashes = new Map<string, string>()
  for (const { username, password } of people) hashes.set(username, await hash(password, ARGON2))
  // An unknown name is checked against a hash that nothing matches, so that the time taken does not tell who has an account.
  const nobody = await hash(crypto.randomUUID(), ARGON2)

  return {
    async verify ({ username, password }: { username: string, password: string }): Promise<Person | null> {
      if (limit.pendingCount >= MAX_WAITING) throw tooBusy()
      const matches = await limit(() => verify(hashes.get(username) ?? nobody, password))
      return matches ? find((person) => person.username === username) : null
    },

    findById (id: string): Person | null {
      return find((person) => person.id === id)
    }
  }
}

/** Fastify answers it with this status and these headers, also where a route of the app calls `verify`. */
function tooBusy (): Error {
  return Object.assign(new Error('Too many log-ins at once, try again'), { statusCode: 503, headers: { 'retry-after': '1' } })
}

function find (isWanted: (person: Person) => boolean): Person | null {
  const found = people.find(isWanted)
  return found ? { id: found.id, username: found.username, name: found.name, role: found.role } : null
}
