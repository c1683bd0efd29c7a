// Log in with an OIDC provider through @fastify/oauth2: npx tsx --conditions=@fastify-token-auth/source examples/oauth.ts
//
// OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET name a provider, which has to know http://localhost:3000/login/callback;
// without them one is started beside the app (examples/oauth-provider.ts).
import { randomBytes, randomUUID } from 'node:crypto'
import oauth2, { type OAuth2Namespace } from '@fastify/oauth2'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { startProvider } from './oauth-provider.ts'
import { serveScripts } from './page-scripts.ts'

declare module 'fastify' {
  interface FastifyInstance { oidc: OAuth2Namespace }
}

interface Person { id: string, name: string }

/** What the provider's userinfo endpoint answers; `sub` is all that it must. */
interface Profile { sub?: string, name?: string }

const CALLBACK = '/login/callback'

interface BuildOptions {
  issuer: string
  client: { id: string, secret: string }
  /** Where the page is, as it is registered with the provider. Never taken from the Host header, which anybody can forge. */
  origin?: string
}

export async function build ({ issuer, client, origin = 'http://localhost:3000' }: BuildOptions) {
  const app = Fastify({ logger: { level: 'warn' } })
  const people = new Map<string, Person>()
  const idOf = new Map<string, string>()

  /**
   * The person behind an account at the provider, at the first visit a new one. An account is known by issuer and `sub`:
   * an e-mail address can change hands, and by that of another provider anybody could take over an account of ours.
   */
  function personOf ({ sub, name = 'somebody' }: Profile): Person {
    if (!sub) throw new Error('the provider does not say who it is')
    const account = `${issuer} ${sub}`
    const person = { id: idOf.get(account) ?? randomUUID(), name }
    idOf.set(account, person.id)
    people.set(person.id, person)
    return person
  }

  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    // there are no passwords here, so there is no POST /auth/login
    routes: { login: false },
    userVerifier: {
      verify: () => null,
      findById: (id) => people.get(id) ?? null
    }
  })

  await app.register(oauth2, {
    name: 'oidc',
    discovery: { issuer },
    credentials: { client },
    scope: ['openid', 'profile'],
    pkce: 'S256',
    hostPrefixedCookies: true,
    startRedirectPath: '/login',
    callbackUri: `${origin}${CALLBACK}`
  })

  // The provider sends the browser back here, so the browser counts this request, and whatever it is redirected to, as
  // one that another site has made. With SameSite=Strict, the default, that means:
  // - The refresh cookie that we set here is kept, as on any navigation of the whole page.
  // - It is not sent along with the page that we redirect to. The page must not be rendered by who is logged in; it
  //   calls /auth/refresh, a request of its own, which has the cookie.
  // - The cookie of an older session is not sent to this route, so that session is not replaced but ends by its idle
  //   timeout, or in the list of sessions. The page does not offer to log in while there is one.
  // The cookies of @fastify/oauth2, which carry state and PKCE verifier, are Lax for that reason and do arrive.
  app.get(CALLBACK, async (request, reply) => {
    try {
      const { token } = await app.oidc.getAccessTokenFromAuthorizationCodeFlow(request, reply)
      await app.tokenAuth.login(reply, personOf(await app.oidc.userinfo(token)))
      return reply.redirect('/', 303)
    } catch (err) {
      // Cancelled, begun in another browser, or the provider is out of order: a person at a page wants no JSON. Only the
      // message is logged: the error itself holds the request to the provider, and that the client's secret.
      request.log.warn(`log-in through the provider failed: ${(err as Error).message}`)
      return reply.redirect('/?failed', 303)
    }
  })

  app.get('/me', { onRequest: app.authenticate }, async ({ auth }) => people.get(auth.userId))

  await serveScripts(app, { '/client.js': 'fastify-token-auth/client', '/attempt.js': './page-attempt.ts' })
  app.get('/', async (request, reply) => reply.type('text/html').send(PAGE))

  return app
}

const PAGE = `<!doctype html>
<html lang="en">
<title>Log in with a provider</title>
<h1>Hello</h1>
<p role="status">…</p>
<a href="/login" hidden>Log in</a>
<button hidden>Log out</button>
<script type="module">
  import { createAttempt } from '/attempt.js'
  import { createAuthClient } from '/client.js'
  const [status, link, button] = document.querySelectorAll('p, a, button')
  const auth = createAuthClient()
  const attempt = createAttempt(auth, (message) => { status.textContent = message })

  auth.subscribe((state, { type }) => attempt(async () => {
    link.hidden = state !== 'signed-out'
    button.hidden = state !== 'signed-in'
    // the back button has brought the page back
    if (state === 'unknown') await auth.restore()
    else if (state === 'signed-in') status.textContent = 'Logged in as ' + (await (await auth.fetch('/me')).json()).name
    else status.textContent = type !== 'logout' && location.search === '?failed' ? 'That did not work, try again' : 'Not logged in'
  }))
  button.onclick = () => attempt(auth.logout)
  attempt(auth.restore)
</script>
`

if (process.argv[1] === import.meta.filename) {
  // for a try, one that nobody needs to set; an app keeps it, so that sessions survive a restart
  process.env['AUTH_SECRET'] ??= randomBytes(48).toString('base64url')
  const { PORT: port = '3000', OIDC_ISSUER: issuer, OIDC_CLIENT_ID: id = '', OIDC_CLIENT_SECRET: secret = '' } = process.env
  const origin = `http://localhost:${port}`
  const provider = issuer ? { issuer, client: { id, secret } } : await startProvider({ callbackPath: CALLBACK })
  const app = await build({ ...provider, origin })
  await app.listen({ port: Number(port) })
  console.log(`Open ${origin}`)
}
