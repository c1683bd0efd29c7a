// What a refresh can cost at best: the same tokens, cookie, checks of what is stored and answer, by hand and with nothing around them. Argument: the storage.
import { createHmac, createSecretKey, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import Fastify from 'fastify'
import { secret } from './keys.js'
import { inBatches, serveFastify } from './serve.js'
import { openPostgres, openRedis, openSqlite } from './stores.js'

const key = createSecretKey(Buffer.from(secret))
const NAME = '__Host-Http-refresh_token='
const encode = (json) => Buffer.from(JSON.stringify(json)).toString('base64url')
const headers = { at: encode({ alg: 'HS256', typ: 'at+jwt' }), rt: encode({ alg: 'HS256', typ: 'rt+jwt' }) }
const hmac = (text) => createHmac('sha256', key).update(text).digest()
const id = () => randomBytes(16).toString('base64url')

function sign (header, claims) {
  const text = `${header}.${encode(claims)}`
  return `${text}.${hmac(text).toString('base64url')}`
}

function read (token) {
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  const expected = hmac(token.slice(0, end))
  if (!token.startsWith(`${headers.rt}.`) || signature.length !== expected.length || !timingSafeEqual(signature, expected)) throw refused()
  return JSON.parse(Buffer.from(token.slice(headers.rt.length + 1, end), 'base64url').toString())
}

const refused = () => Object.assign(new Error('log in again'), { statusCode: 401 })

// create (session) and advance (id, generation, tokenId, rotatedAt, expiresAt), which resolves to the session; memory can be cleared
const table = `ideal_${randomUUID().replaceAll('-', '')}`
const { create, advance, clear } = await {
  async memory () {
    const sessions = new Map()
    return {
      clear: () => { sessions.clear() },
      create: async (session) => { sessions.set(session.id, session) },
      async advance (id, generation, tokenId, rotatedAt, expiresAt) {
        const session = sessions.get(id)
        if (session?.generation < generation) Object.assign(session, { generation, tokenId, rotatedAt, expiresAt })
        return session && { ...session }
      }
    }
  },
  async sqlite () {
    const database = await openSqlite()
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE sessions (id TEXT PRIMARY KEY, userId TEXT, generation INTEGER, tokenId TEXT, rotatedAt INTEGER, expiresAt INTEGER) STRICT')
    const insert = database.prepare('INSERT INTO sessions VALUES (:id, :userId, :generation, :tokenId, :rotatedAt, :expiresAt)')
    const update = database.prepare('UPDATE sessions SET generation = :generation, tokenId = :tokenId, rotatedAt = :rotatedAt, expiresAt = :expiresAt WHERE id = :id AND generation < :generation RETURNING *')
    return {
      create: async (session) => { insert.run(session) },
      advance: async (id, generation, tokenId, rotatedAt, expiresAt) => update.get({ id, generation, tokenId, rotatedAt, expiresAt })
    }
  },
  async redis () {
    const redis = await openRedis()
    redis.defineCommand('advance', {
      numberOfKeys: 1,
      lua: `local s = redis.call('GET', KEYS[1])
        if not s then return nil end
        local d = cjson.decode(s)
        if d.generation < tonumber(ARGV[1]) then
          d.generation = tonumber(ARGV[1]) d.tokenId = ARGV[2] d.rotatedAt = tonumber(ARGV[3]) d.expiresAt = tonumber(ARGV[4])
          s = cjson.encode(d)
          redis.call('SET', KEYS[1], s, 'PXAT', ARGV[4])
        end
        return s`
    })
    return {
      create: (session) => redis.set(`${table}:${session.id}`, JSON.stringify(session), 'PXAT', session.expiresAt),
      async advance (id, ...rotation) {
        const session = await redis.advance(`${table}:${id}`, ...rotation)
        return session && JSON.parse(session)
      }
    }
  },
  async postgres () {
    const pool = await openPostgres()
    await pool.query(`CREATE TABLE ${table} (id text PRIMARY KEY, "userId" text, generation integer, "tokenId" text, "rotatedAt" bigint, "expiresAt" bigint)`)
    return {
      create: (s) => pool.query(`INSERT INTO ${table} VALUES ($1, $2, $3, $4, $5, $6)`, [s.id, s.userId, s.generation, s.tokenId, s.rotatedAt, s.expiresAt]),
      async advance (...values) {
        const { rows: [session] } = await pool.query({ name: 'advance', text: `UPDATE ${table} SET generation = $2, "tokenId" = $3, "rotatedAt" = $4, "expiresAt" = $5 WHERE id = $1 AND generation < $2 RETURNING *`, values })
        return session
      }
    }
  }
}[process.argv[2]]()

const LIFE = 604_800

const app = Fastify()
app.post('/auth/refresh', {
  schema: { response: { 200: { type: 'object', properties: { accessToken: { type: 'string' }, tokenType: { type: 'string' }, expiresIn: { type: 'integer' } } } } }
}, async (request, reply) => {
  const token = read(request.headers.cookie.slice(NAME.length))
  const now = Date.now()
  if (token.exp * 1000 <= now) throw refused()
  const session = await advance(token.sid, token.gen, token.jti, now, now + LIFE * 1000)
  if (session?.tokenId !== token.jti) throw refused()
  const iat = Math.floor(now / 1000)
  reply.header('cache-control', 'no-store')
  reply.header('set-cookie', `${NAME}${sign(headers.rt, { sid: token.sid, gen: token.gen + 1, jti: id(), auth_time: token.auth_time, iat, exp: iat + LIFE })}; Max-Age=${LIFE}; Path=/; HttpOnly; Secure; SameSite=Strict`)
  return { accessToken: sign(headers.at, { sub: session.userId, sid: token.sid, jti: id(), iat, exp: iat + 900, auth_time: token.auth_time }), tokenType: 'Bearer', expiresIn: 900 }
})
await serveFastify(app, {}, async (count) => {
  clear?.()
  return await inBatches(count, async () => {
    const session = { id: id(), userId: randomUUID(), generation: 0, tokenId: id(), rotatedAt: Date.now(), expiresAt: Date.now() + LIFE * 1000 }
    await create(session)
    const iat = Math.floor(session.rotatedAt / 1000)
    return `${NAME}${sign(headers.rt, { sid: session.id, gen: 1, jti: session.tokenId, auth_time: iat, iat, exp: iat + LIFE })}`
  })
})
