// A second factor: no session before the code, no code twice, no guessing, and a route that demands it, also after refreshes.
import { availableParallelism } from 'node:os'
import { decodeJwt } from 'jose'
import { URI, type TOTP } from 'otpauth'
import t, { type Test } from 'tap'
import { build, createAuthenticator } from '../examples/totp.ts'
import { minutes, seconds, TestClock } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { Browser } from './fixtures/browser.ts'

const ADA = { username: 'ada', password: 'analytical-engine' }
const GRACE = { username: 'grace', password: 'eleven-inches-of-wire' }
const COOKIE = '__Host-Http-refresh_token'

async function start (t: Test) {
  const clock = new TestClock()
  const ada = createAuthenticator('ada')
  const app = await build({ ada, clock: clock.now })
  t.teardown(() => app.close())
  const browser = new Browser(app)
  return {
    clock,
    browser,
    another: () => new Browser(app),
    code: (secondsFromNow = 0) => ada.totp.generate({ timestamp: clock.time + secondsFromNow * 1000 }),
    async begin (credentials = ADA, remoteAddress = '127.0.0.1') {
      return (await browser.request('POST', '/login', { payload: credentials, remoteAddress })).json<{ pending: string }>().pending
    },
    finish: (pending: string, code: string) => browser.request('POST', '/login/code', { payload: { pending, code } })
  }
}

t.test('password, then code: only then there is a session, which says how it began', async (t) => {
  const { browser, clock, begin, finish, code } = await start(t)
  const pending = await begin()
  t.match(pending, /^[\w-]{43}$/)
  t.equal(browser.cookies.size, 0)
  t.equal(browser.accessToken, undefined)
  t.equal((await browser.refresh()).statusCode, 401)

  const login = await finish(pending, code())
  t.equal(login.statusCode, 200)
  t.ok(browser.cookies.has(COOKIE))
  t.match(decodeJwt(browser.accessToken as string), { amr: ['pwd', 'otp', 'mfa'], acr: 'aal2' })
  t.equal((await browser.request('GET', '/vault')).statusCode, 200)

  clock.advance(minutes(20))
  await browser.refresh()
  t.match((await browser.me()).json(), { username: 'ada', amr: ['pwd', 'otp', 'mfa'], acr: 'aal2' }, 'a refresh says it again')
  t.equal((await browser.request('GET', '/vault')).statusCode, 200)
  t.match((await browser.request('GET', '/auth/sessions')).json(), [{ details: { ip: '127.0.0.1', authentication: { acr: 'aal2' } } }])
})

t.test('a code is good once, and an older one no longer', async (t) => {
  const { begin, finish, code } = await start(t)
  const used = code()
  t.equal((await finish(await begin(), used)).statusCode, 200)
  t.equal((await finish(await begin(), used)).statusCode, 401)
  t.equal((await finish(await begin(), code(-30))).statusCode, 401)
  t.equal((await finish(await begin(), code(30))).statusCode, 200)
})

t.test('of two at once with one code, one gets in', async (t) => {
  const { begin, finish, code } = await start(t)
  const answers = await Promise.all([await begin(), await begin()].map((pending) => finish(pending, code())))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 401])
})

t.test('a wrong code can be corrected, a clock may be one step off, five minutes are enough', async (t) => {
  const { clock, begin, finish, code } = await start(t)
  const pending = await begin()
  t.equal((await finish(pending, code(-60))).statusCode, 401)
  t.equal((await finish(pending, code(60))).statusCode, 401)
  t.equal((await finish(pending, code(-30))).statusCode, 200)
  t.equal((await finish(pending, code())).statusCode, 401, 'the pending log-in is used up')

  const late = await begin()
  clock.advance(minutes(5))
  t.match((await finish(late, code())).json(), { statusCode: 401, message: /too long/ })
  t.equal((await finish('made-up', code())).statusCode, 401)
  t.equal((await finish(await begin(), '12345a')).statusCode, 400)
})

t.test('codes cannot be guessed by asking for new pending log-ins', async (t) => {
  const { clock, begin, finish, code } = await start(t)
  for (let guess = 0; guess < 10; guess++) t.equal((await finish(await begin(ADA, `10.0.0.${guess}`), '000000')).statusCode, 401)
  clock.advance(seconds(60))
  const refused = await finish(await begin(), code())
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
})

t.test('passwords are guessed neither from one address nor from many', async (t) => {
  const { browser } = await start(t)
  const guess = (remoteAddress: string, credentials = { ...ADA, password: 'wrong' }) => browser.request('POST', '/login', { payload: credentials, remoteAddress })
  for (let i = 0; i < 10; i++) t.equal((await guess('10.0.0.0')).statusCode, 401)
  const refused = await guess('10.0.0.0', ADA)
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal((await guess('10.0.0.0', GRACE)).statusCode, 200, 'others at that address go on')
  t.equal((await guess('10.0.0.1', ADA)).statusCode, 200, 'no single address locks anybody out')

  for (let i = 0; i < 89; i++) t.equal((await guess(`10.0.1.${i}`)).statusCode, 401)
  t.equal((await guess('10.0.2.0', ADA)).statusCode, 429)
})

t.test('with more log-ins at once than the machine can do, the rest are told when to come back', async (t) => {
  const { browser } = await start(t)
  const crowd = Array.from({ length: 5 * (64 + availableParallelism()) }, (_, i) => browser.request('POST', '/login', {
    payload: { username: `eve${i}`, password: 'x' }, remoteAddress: `10.1.${i >> 8}.${i & 255}`
  }))
  const answers = await Promise.all(crowd)
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))].sort(), [401, 503])
  t.equal(answers.find(({ statusCode }) => statusCode === 503)?.headers['retry-after'], '1')
})

t.test('a wrong password and an unknown name get one and the same answer', async (t) => {
  const { browser } = await start(t)
  const [wrong, unknown] = await Promise.all([{ ...ADA, password: 'wrong' }, { ...ADA, username: 'eve' }].map((payload) => browser.request('POST', '/login', { payload })))
  t.equal(wrong?.statusCode, 401)
  t.equal(wrong?.body, unknown?.body)
})

t.test('without an authenticator one is in, but not in the vault, until one has set one up', async (t) => {
  const { browser, clock, begin, finish } = await start(t)
  await begin(GRACE)
  t.match((await browser.me()).json(), { username: 'grace', amr: ['pwd'], acr: 'aal1' })
  const refused = await browser.request('GET', '/vault')
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['www-authenticate'], 'Bearer error="insufficient_user_authentication", acr_values="aal2"')

  const totp = URI.parse((await browser.request('POST', '/totp')).json<{ uri: string }>().uri) as TOTP
  const code = () => totp.generate({ timestamp: clock.time })
  t.equal((await browser.request('POST', '/totp/confirm', { payload: { code: '000000' } })).statusCode, 400)
  t.match(await begin(GRACE), undefined, 'not confirmed yet: the password will do')
  t.equal((await browser.request('POST', '/totp/confirm', { payload: { code: code() } })).statusCode, 204)
  t.equal((await browser.request('POST', '/totp')).statusCode, 409)
  t.equal((await browser.request('GET', '/vault')).statusCode, 401, 'the session is still that of a password')

  const pending = await begin(GRACE)
  t.equal((await finish(pending, code())).statusCode, 401, 'the code that confirmed it is used')
  clock.advance(seconds(30))
  t.equal((await finish(pending, code())).statusCode, 200)
  t.equal((await browser.request('GET', '/vault')).statusCode, 200)
})

t.test('an authenticator is set up right after a log-in, by nobody else', async (t) => {
  const { browser, another, clock, begin } = await start(t)
  t.equal((await another().request('POST', '/totp')).statusCode, 401)
  t.equal((await another().request('GET', '/vault')).statusCode, 401)
  await begin(GRACE)
  clock.advance(minutes(6))
  t.match((await browser.request('POST', '/totp')).json(), { code: 'FST_TOKEN_AUTH_LOGIN_TOO_OLD' })
})
