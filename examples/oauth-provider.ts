// An OIDC provider to try examples/oauth.ts against: oidc-provider on the loopback interface, where one becomes whom one likes by a click.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'

const PEOPLE = new Map([['ada', 'Ada Lovelace'], ['grace', 'Grace Hopper']])

/** Start it on a port, by default on one that is free; the client may be called back at `callbackPath` on any port of localhost. */
export async function startProvider ({ callbackPath, port = 0 }: { callbackPath: string, port?: number }) {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = { id: 'example', secret: randomUUID() }

  const provider = new Provider(issuer, {
    clients: [{
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: [`http://localhost${callbackPath}`],
      // of native clients any port of the loopback interface may be called back (RFC 8252 section 7.3)
      application_type: 'native'
    }],
    claims: { openid: ['sub'], profile: ['name'] },
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub, name: PEOPLE.get(sub) ?? sub }) }),
    interactions: { url: (ctx, { uid }) => `/choose/${uid}` },
    jwks: { keys: [generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })] },
    cookies: { keys: [randomUUID()] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, Session: 3600 },
    features: { devInteractions: { enabled: false } },
    // the client is our own, so nobody is asked what it may know
    async loadExistingGrant ({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client?.clientId, accountId: oidc.session?.accountId })
      grant.addOIDCScope('openid profile')
      await grant.save()
      return grant
    }
  })

  provider.use(async (ctx, next) => {
    const [, uid, choice] = /^\/choose\/([\w-]+)(?:\/(\w+))?$/.exec(ctx.path) ?? []
    if (uid === undefined) return await next()
    if (ctx.method === 'POST') {
      const result = choice === 'nobody' ? { error: 'access_denied' } : { login: { accountId: choice as string }, consent: {} }
      return await provider.interactionFinished(ctx.req, ctx.res, result)
    }
    const buttons = [...PEOPLE, ['nobody', 'Cancel']].map(([sub, name]) => `<form method="post" action="/choose/${uid}/${sub}"><button>${name}</button></form>`)
    ctx.type = 'html'
    ctx.body = `<!doctype html><html lang="en"><title>Provider</title><h1>Who are you?</h1>${buttons.join('')}`
  })

  server.on('request', provider.callback())
  return {
    issuer,
    client,
    async close () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}
