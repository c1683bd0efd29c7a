// More tokens like one that a server has issued, signed with the same key: as many as a flood needs.
import { createHmac, randomBytes, sign } from 'node:crypto'
import { keys } from './processes.ts'

/** @param pad how many characters a further claim adds */
export function moreLike (token: string, count: number, pad = 0): string[] {
  const [header, payload] = token.split('.') as [string, string]
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return Array.from({ length: count }, () => {
    const more = { ...claims, jti: randomBytes(16).toString('base64url'), ...(pad > 0 && { pad: 'x'.repeat(pad) }) }
    const signed = `${header}.${Buffer.from(JSON.stringify(more)).toString('base64url')}`
    return `${signed}.${signature(alg, signed)}`
  })
}

function signature (alg: string, signed: string): string {
  if (alg === 'HS256') return createHmac('sha256', keys.BENCH_SECRET).update(signed).digest('base64url')
  return sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), alg === 'EdDSA' ? keys.BENCH_ED25519 : keys.BENCH_RSA).toString('base64url')
}
