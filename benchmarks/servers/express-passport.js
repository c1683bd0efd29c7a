// Express with passport and passport-jwt. Argument: key, for a secret that is imported once; a string is tried as a public key first, each time.
import { createSecretKey } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import jwt from 'jsonwebtoken'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'
import { secret } from './keys.js'
import { serve } from './serve.js'

passport.use(new Strategy({
  secretOrKey: process.argv[2] === 'key' ? createSecretKey(Buffer.from(secret)) : secret,
  algorithms: ['HS256'],
  jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken()
}, (claims, done) => { done(null, { id: claims.sub }) }))

const app = express()
app.get('/me', passport.authenticate('jwt', { session: false }), (request, response) => { response.json({ id: request.user.id }) })
serve(createServer(app), { token: jwt.sign({ sub: 'user-1', sid: 'session-1', auth_time: 1 }, secret, { expiresIn: '15m' }) })
