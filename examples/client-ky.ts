// ky: everything of ky over the client's fetch.
import ky, { type KyInstance } from 'ky'
import type { GuardedFetch } from 'fastify-token-auth/client'

/** @param prefixUrl the origin of the API, for which the client was made */
export function createApi (auth: { fetch: GuardedFetch }, prefixUrl: string): KyInstance {
  return ky.create({ prefixUrl, fetch: auth.fetch })
}
