// axios: its fetch adapter over the client's fetch, so requests, uploads, cancelling and errors stay as they are in axios.
import axios, { type AxiosInstance } from 'axios'
import type { GuardedFetch } from 'fastify-token-auth/client'

/** @param baseURL the origin of the API, for which the client was made */
export function createApi (auth: { fetch: GuardedFetch }, baseURL: string): AxiosInstance {
  return axios.create({ baseURL, adapter: 'fetch', env: { fetch: auth.fetch } })
}
