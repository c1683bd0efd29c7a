// The demo that `npm start` runs: sessions in an SQLite file, two people, an API behind the guard and a page that shows every request.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyServerOptions } from 'fastify'
import tokenAuth from 'fastify-token-auth'
import { SqliteStore } from 'fastify-token-auth/stores/sqlite'
import { drawFortune } from './fortunes.ts'
import { OneLinePerRequest, terminal } from './logging.ts'
import { createOutage } from './outage.ts'
import { serveScripts } from './page-scripts.ts'
import { openDatabase } from './sqlite.ts'
import { createUserVerifier, people } from './users.ts'

const DATA_FOLDER = join(import.meta.dirname, '.data')
const PAGE_FOLDER = join(import.meta.dirname, 'public')

/** What a test may want otherwise. */
export interface BuildOptions {
  /** The folder of the database and of the secret; it is made if there is none. */
  dataFolder?: string
  logger?: FastifyServerOptions['logger']
  /** Milliseconds since the epoch. */
  clock?: () => number
}

/** Build the app; it does not listen yet. */
export async function build ({ dataFolder = DATA_FOLDER, logger = false, clock = Date.now }: BuildOptions = {}) {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  const database = await openDatabase(join(dataFolder, 'sessions.sqlite'))
  const users = await createUserVerifier()
  const outage = createOutage(clock)
  const app = Fastify({ logger, logController: new OneLinePerRequest() })
  app.addHook('onClose', () => { database.close() })

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'", hashOfImportMap()],
        styleSrc: ["'self'"],
        fontSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"]
      }
    }
  })

  outage.cutCalls(app)

  // the plugin finds it and limits how often one can guess at a password
  await app.register(rateLimit, { global: false })

  await app.register(tokenAuth, {
    secret: process.env['AUTH_SECRET'] ?? readOrMakeSecret(join(dataFolder, 'secret')),
    userVerifier: users,
    refreshTokenStore: outage.wrap(new SqliteStore({ database, clock })),
    // so short only that one can watch it expire; fifteen minutes, the default, suit most apps
    accessToken: { expiresIn: '30s' },
    clock
  })

  outage.addRoutes(app)

  await app.register(fastifyStatic, { root: PAGE_FOLDER })

  await serveScripts(app, { '/client.js': 'fastify-token-auth/client' })

  app.get('/api/me', { onRequest: app.authenticate }, (request) => {
    const { userId, sessionId, authenticatedAt } = request.auth
    return { ...users.findById(userId), sessionId, authenticatedAt }
  })

  app.get('/api/fortune', { onRequest: app.authenticate }, () => ({ fortune: drawFortune() }))

  return app
}

/** An import map has to stand in the page itself; by its hash, the content security policy lets it in and no other inline script. */
function hashOfImportMap (): string {
  const [, importMap = ''] = /<script type="importmap">([^]*?)<\/script>/.exec(readFileSync(join(PAGE_FOLDER, 'index.html'), 'utf8')) ?? []
  return `'sha256-${createHash('sha256').update(importMap).digest('base64')}'`
}

/**
 * The secret that a former start has left beside the database, else a new one: so the demo needs no configuration and
 * sessions survive a restart. An app takes its secret from the environment or a secret manager: a secret in a file beside
 * the data goes wherever the data goes, into backups and images, and several servers would each make one of their own.
 */
function readOrMakeSecret (file: string): string {
  try {
    writeFileSync(file, randomBytes(48).toString('base64url'), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8')
}

if (process.argv[1] === import.meta.filename) {
  const { HOST: host = '127.0.0.1', PORT: port = '3000', DATA_FOLDER: dataFolder = DATA_FOLDER } = process.env
  try {
    const app = await build({ dataFolder, logger: terminal })
    // requests under way are finished, then the database is closed
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { app.close() })
    const address = await app.listen({ host, port: Number(port) })
    console.log(`\n  Open ${address} and log in as`)
    for (const { username, password } of people) console.log(`    ${username.padEnd(6)} with the password ${password}`)
    console.log()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    console.error(code === 'EADDRINUSE' ? `Port ${port} of ${host} is taken: stop what listens there, or choose another one with PORT=3001 npm start` : message)
    process.exit(1)
  }
}
