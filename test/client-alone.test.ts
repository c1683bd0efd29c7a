// Where there is no page, as on a server that renders for many people, clients share nothing and nothing is needed but fetch.
import t from 'tap'
import { createAuthClient } from 'fastify-token-auth/client'
import { createJar } from './fixtures/client-jar.ts'
import { startServer } from './fixtures/client-server.ts'

t.test('making a client needs no page and no absolute address', async (t) => {
  const auth = createAuthClient()
  t.equal(auth.state, 'unknown')
  await t.rejects(auth.restore(), { name: 'TypeError', message: /URL/ })
  await t.rejects(auth.fetch('/api/me'), { name: 'TypeError', message: /URL/ })
})

t.test('two clients of one process are two people', async (t) => {
  const server = await startServer(t)
  const ada = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  const bob = createAuthClient({ baseUrl: server.url, fetch: createJar() })
  await ada.login({ username: 'ada', password: 'right' })
  await bob.login({ username: 'bob', password: 'right' })
  await ada.logout()
  t.equal(ada.state, 'signed-out')
  t.equal(bob.state, 'signed-in')
  t.match(await (await bob.fetch('/api/me')).json(), { sub: 'bob' })
})
