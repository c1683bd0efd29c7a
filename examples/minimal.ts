// The shortest complete app; run it with AUTH_SECRET=$(npx fastify-token-auth keygen) npx tsx minimal.ts
import { hash, verify } from '@node-rs/argon2'
import Fastify from 'fastify'
import tokenAuth from 'fastify-token-auth'

const ada = { id: '1', username: 'ada', passwordHash: await hash('analytical-engine') }

export async function build () {
  const app = Fastify({ logger: true })
  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'],
    userVerifier: {
      async verify ({ username, password }) {
        const isRight = await verify(ada.passwordHash, password)
        return isRight && username === ada.username ? ada : null
      }
    }
  })
  app.get('/me', { onRequest: app.authenticate }, (request) => ({ id: request.auth.userId }))
  return app
}

if (process.argv[1] === import.meta.filename) await (await build()).listen({ port: 3000 })
