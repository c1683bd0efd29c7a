// TypeScript, CommonJS: the types of the installed package where it is required.
import fastify = require('fastify')
import auth = require('fastify-token-auth')
import client = require('fastify-token-auth/client')

const app = fastify.fastify()
app.register(auth.default, { secret: 's', userVerifier: { verify: ({ username }) => ({ id: username.trim() }) } })
app.get('/me', { onRequest: app.authenticate }, (request) => request.auth.userId.trim())
client.createAuthClient().state.trim()
