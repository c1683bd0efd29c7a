// A refresh token of oidc-provider, exchanged for an access token, which is opaque, and a successor by a public client; all of it in memory.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'
import { inBatches, serve } from './serve.js'

/** Nothing but a map for each kind of thing: the adapter that comes with the package keeps a thousand things and no more. */
class MapAdapter {
  #things = new Map()

  async upsert (id, thing) { this.#things.set(id, thing) }
  async find (id) { return this.#things.get(id) }
  async consume (id) { this.#things.get(id).consumed = Math.floor(Date.now() / 1000) }
  async destroy (id) { this.#things.delete(id) }
  async revokeByGrantId () {}
}

const provider = new Provider('http://127.0.0.1', {
  adapter: MapAdapter,
  clients: [{ client_id: 'app', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['https://app.example.com/callback'] }],
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  ttl: { AccessToken: 900, Grant: 604_800, RefreshToken: 604_800 },
  cookies: { keys: [randomUUID()] },
  features: { devInteractions: { enabled: false } }
})
const client = await provider.Client.find('app')

serve(createServer(provider.callback()), {}, (count) => inBatches(count, async () => {
  const accountId = randomUUID()
  const grant = new provider.Grant({ clientId: 'app', accountId })
  grant.addOIDCScope('offline_access')
  const grantId = await grant.save()
  const token = new provider.RefreshToken({ client, accountId, grantId, scope: 'offline_access', gty: 'authorization_code', rotations: 0 })
  return await token.save()
}))
