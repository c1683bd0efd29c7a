// The browser's half of the installed package, for a bundler. The journey that it makes needs no browser: its refresh token travels in the body.
import { AuthError, createAuthClient } from 'fastify-token-auth/client'

export async function journey (baseUrl: string) {
  const auth = createAuthClient({ baseUrl, transport: 'body' })
  const seen: string[] = []
  await auth.login({ username: 'ada', password: 'wrong' }).catch((error) => { if (error instanceof AuthError) seen.push(error.code) })
  await auth.login({ username: 'ada', password: 'analytical-engine' })
  const first = await auth.token()
  await auth.restore()
  seen.push(auth.state, first === await auth.token() ? 'the same token' : 'another token', await (await auth.fetch('/me')).text())
  await auth.logout()
  seen.push(auth.state, String((await auth.fetch('/me')).status))
  return seen
}
