// The OpenAPI document: it is valid, it tells every route, error and security scheme, and a client made from it logs in.
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import swagger from '@fastify/swagger'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { FastifyInstance } from 'fastify'
import { securitySchemes } from 'fastify-token-auth'
import openapiTS, { astToString } from 'openapi-typescript'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { build } from '../examples/openapi.ts'
import { buildApp } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'

type Operation = { security?: object[], requestBody?: object, parameters?: Array<{ name: string, in: string }>, responses: Record<string, { description: string, content?: Record<string, { schema: { properties: Record<string, { enum?: string[] }> } }> }> }
interface Document { openapi: string, components: { securitySchemes?: object }, paths: Record<string, Record<string, Operation>> }

const documentOf = (app: FastifyInstance) => app.swagger() as unknown as Document
const COOKIE = '__Host-Http-refresh_token'

async function isValid (t: Test, document: Document): Promise<void> {
  const { valid, errors } = await new Validator().validate({ ...document })
  t.ok(valid, JSON.stringify(errors))
}

/** The example, ready. */
async function buildExample (t: Test) {
  const app = await build()
  t.teardown(() => app.close())
  await app.ready()
  return app
}

t.test('tells every route, what opens it and which errors it knows', async (t) => {
  const app = await buildExample(t)
  const document = documentOf(app)
  await isValid(t, document)

  const told = Object.entries(document.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, { security, requestBody, responses }]) => [
    `${method} ${path}`, security, requestBody !== undefined, Object.keys(responses).join(' ')
  ]))
  t.same(told, [
    ['post /auth/login', [], true, '200 400 401 403 415 429 503'],
    ['post /auth/refresh', [{ [COOKIE]: [] }], false, '200 400 401 403 503'],
    ['post /auth/logout', [{ [COOKIE]: [] }], false, '204 400 403 503'],
    ['get /auth/sessions', [{ bearer: [] }], false, '200 401 503'],
    ['delete /auth/sessions', [{ bearer: [] }], false, '204 400 401 503'],
    ['delete /auth/sessions/{id}', [{ bearer: [] }], false, '204 401 404 503'],
    ['get /me', undefined, false, '200'],
    ['get /greeting', [{ bearer: [] }, {}], false, '200']
  ])
  t.match(document.components.securitySchemes, { ...securitySchemes, [COOKIE]: { type: 'apiKey', in: 'cookie', name: COOKIE } })

  const codes = new Set(Object.values(document.paths).flatMap(Object.values<Operation>).flatMap(({ responses }) => Object.values(responses))
    .flatMap(({ content }) => content?.['application/json']?.schema.properties?.['code']?.enum ?? []))
  t.same([...codes].map((code) => code.replace('FST_TOKEN_AUTH_', '')).sort(), [
    'CROSS_ORIGIN', 'EXPIRED_ACCESS_TOKEN', 'INVALID_ACCESS_TOKEN', 'INVALID_CREDENTIALS', 'INVALID_REFRESH_TOKEN', 'MISSING_ACCESS_TOKEN',
    'MISSING_REFRESH_TOKEN', 'SESSION_NOT_FOUND', 'SESSION_REVOKED', 'STORE_UNAVAILABLE', 'TOO_MANY_ATTEMPTS', 'USER_VERIFIER_FAILED'
  ])
  t.notMatch(JSON.stringify(document), /Default Response/, 'each answer of the plugin is described')
})

t.test('a page shows it, and JSON', async (t) => {
  const app = await buildExample(t)
  t.equal((await app.inject('/')).headers.location, '/documentation')
  t.match(await app.inject('/documentation'), { statusCode: 200, headers: { 'content-type': /^text\/html/ } })
  t.same((await app.inject('/documentation/json')).json(), documentOf(app))
})

t.test('needs no word from the host about the schemes, and is valid as 3.0 too', async (t) => {
  for (const openapi of ['3.0.3', '3.1.0']) {
    for (const transport of ['cookie', 'body', 'both'] as const) {
      const { app } = await buildApp(t, { refreshToken: { transport }, cookie: { name: 'my!cookie', path: '/auth' } }, {
        before: (app) => app.register(swagger, { openapi: { openapi, info: { title: 'An app', version: '1' } } })
      })
      const document = documentOf(app)
      await isValid(t, document)
      t.equal(document.openapi, openapi)
      const { post: login } = document.paths['/auth/login'] as { post: Operation }
      const { post: refresh } = document.paths['/auth/refresh'] as { post: Operation }
      t.same(refresh.security, { cookie: [{ '__Secure-my_cookie': [] }], body: [], both: [{ '__Secure-my_cookie': [] }, {}] }[transport], transport)
      t.equal(refresh.requestBody !== undefined, transport !== 'cookie', transport)
      t.equal('refreshToken' in (refresh.responses['200']?.content?.['application/json']?.schema.properties ?? {}), transport !== 'cookie', transport)
      t.same(login.parameters?.map(({ name, in: place }) => [name, place]), transport === 'both' ? [['token-transport', 'header']] : undefined, transport)
      if (transport !== 'body') t.match(document.components.securitySchemes, { '__Secure-my_cookie': { name: '__Secure-my!cookie' } })
    }
  }
})

t.test("a scheme of the host's own is left alone, and so is what it says of a route", async (t) => {
  const bearer = { type: 'http', scheme: 'bearer', description: 'mine' } as const
  const schemes = Object.freeze({ bearer })
  const { app } = await buildApp(t, { routes: { login: { schema: { security: [{ bearer: [] }], tags: ['mine'] } } } }, {
    before: (app) => app.register(swagger, { openapi: { components: { securitySchemes: schemes } } })
  })
  const document = documentOf(app)
  t.same((document.components.securitySchemes as { bearer: object }).bearer, bearer)
  t.match(document.paths['/auth/login'], { post: { security: [{ bearer: [] }], tags: ['mine'] } })
  t.same(Object.keys(schemes), ['bearer'])
})

t.test('as Swagger 2.0 it comes without security, which that cannot express', async (t) => {
  const { app } = await buildApp(t, {}, { before: (app) => app.register(swagger, { swagger: {} }) })
  const document = documentOf(app)
  t.equal(document.paths['/auth/refresh']?.['post']?.security, undefined)
  t.match(Object.keys(document.paths), ['/auth/login'])
})

t.test('the key set has its own media type', async (t) => {
  const { app } = await buildApp(t, { secret: generateKeyPairSync('ed25519') }, { before: (app) => app.register(swagger, { openapi: {} }) })
  t.match(documentOf(app).paths['/auth/jwks.json'], { get: { security: [], responses: { 200: { content: { 'application/jwk-set+json': {} } } } } })
})

const CLIENT = `
import createClient from 'openapi-fetch'
import type { paths } from './schema.ts'

export async function visit (baseUrl: string) {
  const client = createClient<paths>({ baseUrl })
  const wrong = await client.POST('/auth/login', { body: { username: 'ada', password: 'wrong' } })
  const login = await client.POST('/auth/login', { body: { username: 'ada', password: 'analytical-engine' } })
  if (login.data === undefined) throw new Error(login.error.message)
  const headers = { authorization: \`\${login.data.tokenType} \${login.data.accessToken}\` }
  const me = await client.GET('/me', { headers })
  const sessions = await client.GET('/auth/sessions', { headers })
  const cookie = String(login.response.headers.get('set-cookie')).split(';')[0]
  const refresh = await client.POST('/auth/refresh', { headers: { cookie } })
  const logout = await client.POST('/auth/logout', { headers: { cookie } })
  const ended = await client.POST('/auth/refresh', { headers: { cookie } })
  const code: 'FST_TOKEN_AUTH_MISSING_REFRESH_TOKEN' | 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN' | undefined = ended.response.status === 401 ? (ended.error as { code: 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN' }).code : undefined
  return { wrong: wrong.response.status, name: me.data?.name, sessions: sessions.data?.length, seconds: refresh.data?.expiresIn, logout: logout.response.status, code }
}
`

t.test('a client that openapi-typescript makes of it compiles, and logs in', async (t) => {
  const app = await buildExample(t)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })

  // inside the project, so that the client finds its packages
  const parent = join(import.meta.dirname, '..', '.tap')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'openapi-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }
  write('schema.ts', astToString(await openapiTS(JSON.stringify(app.swagger()))))
  const client = write('client.ts', CLIENT)
  const wrong = write('wrong.ts', CLIENT.replace("username: 'ada'", "user: 'ada'"))

  t.same(complaints(client), [])
  t.match(complaints(wrong), [/'user' does not exist in type/], 'the types are no any')

  const { visit } = await import(client) as { visit (baseUrl: string): Promise<object> }
  t.same(await visit(origin), { wrong: 401, name: 'Ada Lovelace', sessions: 1, seconds: 900, logout: 204, code: 'FST_TOKEN_AUTH_INVALID_REFRESH_TOKEN' })
})

/** What the compiler says of a file, strictly. */
function complaints (file: string): string[] {
  const program = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: []
  })
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}
