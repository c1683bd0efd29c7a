// The command line: `npx fastify-token-auth keygen` prints a fresh secret or private key.
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'

const USAGE = `Usage: fastify-token-auth keygen [secret | ed25519 | p256 | rsa]

Prints a fresh key for the option \`secret\`:
  secret    32 random bytes in base64url, for HS256 (the default)
  ed25519   a private key in PEM, for EdDSA: { privateKey }
  p256      a private key in PEM, for ES256
  rsa       a private key of 3072 bits in PEM, for RS256
`

const GENERATORS: Record<string, () => string> = {
  secret: () => `${randomBytes(32).toString('base64url')}\n`,
  ed25519: () => pem(generateKeyPairSync('ed25519')),
  p256: () => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  rsa: () => pem(generateKeyPairSync('rsa', { modulusLength: 3072 }))
}

/**
 * Run the command. What is asked for goes to standard output and nothing else, so that it can be piped into a file.
 *
 * @returns the exit code: 0, or 2 for words that it does not know
 */
export function run ([command, kind = 'secret', ...rest]: string[], { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'> = process): number {
  const generate = command === 'keygen' && rest.length === 0 && Object.hasOwn(GENERATORS, kind) ? GENERATORS[kind] : undefined
  if (generate === undefined) {
    stderr.write(USAGE)
    return 2
  }
  stdout.write(generate())
  return 0
}

function pem ({ privateKey }: { privateKey: KeyObject }): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}
