// Times in tokens are whole seconds, rounded so that nothing outlives its session.
import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, buildApp, minutes, seconds } from './fixtures/app.ts'
import { Browser } from './fixtures/browser.ts'

const COOKIE = '__Host-Http-refresh_token'

t.test('between two seconds', async (t) => {
  const { app, clock } = await buildApp(t, { accessToken: { expiresIn: '1h' }, refreshToken: { expiresIn: '1h', idleTimeout: '1h' } })
  const browser = new Browser(app)
  const login = clock.time + 999
  clock.advance(999)
  const maxAge = async (action: 'login' | 'refresh') => Number(/Max-Age=(\d+);/.exec(String((await (action === 'login' ? browser.login(ada) : browser.refresh())).headers['set-cookie']))?.[1])

  t.equal(await maxAge('login'), 3599, 'the session began at the last full second')
  const end = Math.floor(login / 1000) * 1000 + minutes(60)
  clock.advance(minutes(10) + 500)
  t.equal(await maxAge('refresh'), 2998)
  const [access, refresh] = [decodeJwt(browser.accessToken as string), decodeJwt(browser.cookies.get(COOKIE) as string)]
  for (const { exp } of [access, refresh]) t.equal(Number(exp) * 1000, end)
  t.equal(access.iat, Math.floor(clock.time / 1000))
  t.equal(refresh.iat, Math.floor(clock.time / 1000))

  clock.time = end - 1
  t.equal((await browser.me()).statusCode, 200)
  clock.time = end
  t.equal((await browser.me()).statusCode, 401)
  t.equal((await browser.refresh()).statusCode, 401)
})

t.test('an idle timeout that ends between two seconds', async (t) => {
  const { app, clock } = await buildApp(t, { refreshToken: { expiresIn: '1h', idleTimeout: '10m' }, accessToken: { expiresIn: '10m' } })
  const browser = new Browser(app)
  clock.advance(700)
  await browser.login(ada)
  const end = clock.time + minutes(10)
  t.equal(Number(decodeJwt(browser.cookies.get(COOKIE) as string).exp), Math.floor(end / 1000))
  t.equal(Number(decodeJwt(browser.accessToken as string).exp), Math.floor(end / 1000))
})

t.test('servers whose clocks are a minute apart take each other\'s tokens, and no more than a minute', async (t) => {
  const [ahead, behind] = [await buildApp(t), await buildApp(t)]
  const browser = new Browser(ahead.app)
  await browser.login(ada)
  const ask = async () => (await behind.app.inject({ url: '/me', headers: { authorization: `Bearer ${browser.accessToken}` } })).statusCode
  behind.clock.advance(-seconds(60))
  t.equal(await ask(), 200)
  behind.clock.advance(-1)
  t.equal(await ask(), 401)
  t.equal(await ask(), 401, 'nor when it comes again')
})

t.test('a life is what was asked for; one that is no whole number of seconds is cut', async (t) => {
  for (const [expiresIn, seconds] of [['1500ms', 1], ['1h', 3600]] as const) {
    const { app } = await buildApp(t, { accessToken: { expiresIn } })
    t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload: ada })).json().expiresIn, seconds)
  }
})

t.test('an access token does not outlive a session whose life is no whole number of seconds', async (t) => {
  const { app, clock } = await buildApp(t, { refreshToken: { expiresIn: '3600500ms', idleTimeout: '1h' } })
  const browser = new Browser(app)
  await browser.login(ada)
  clock.advance(minutes(50))
  t.equal((await browser.refresh()).json().expiresIn, 600)
})
