// The audit table and the metrics tell what happened, to whom and how often, without a secret, and stop nobody when they fail.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { build, buildMetrics } from '../examples/observability.ts'
import { openDatabase } from '../examples/sqlite.ts'
import { minutes, TestClock } from './fixtures/app.ts'
import './fixtures/auth-secret.ts'
import { Browser } from './fixtures/browser.ts'

const ADA = { username: 'ada', password: 'analytical-engine' }

async function start (t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'observability-'))
  const file = join(folder, 'db.sqlite')
  const clock = new TestClock()
  const registry = new Registry()
  const [app, metrics] = [await build({ file, registry, clock: clock.now }), buildMetrics(registry)]
  t.teardown(async () => {
    await app.close()
    rmSync(folder, { recursive: true })
  })
  const browser = new Browser(app)
  return {
    app,
    file,
    clock,
    browser,
    async activity () { return (await browser.request('GET', '/activity')).json<Array<{ type: string, at: number, ip: string }>>() },
    async metric (labels: string) { return Number(new RegExp(`^token_auth_events_total\\{${labels}\\} (\\d+)$`, 'm').exec((await metrics.inject('/metrics')).body)?.[1] ?? 0) }
  }
}

t.test('what happens is written down and counted', async (t) => {
  const { app, browser, clock, activity, metric } = await start(t)
  await browser.login({ ...ADA, password: 'wrong' })
  await browser.login(ADA)
  clock.advance(minutes(20))
  await browser.refresh()
  await browser.logout()
  await browser.login(ADA)
  t.same((await activity()).map(({ type }) => type), ['login', 'logout', 'login'], 'newest first, the log-out too, refreshes not')
  t.match(await activity(), [{ at: clock.time, ip: '127.0.0.1' }])

  t.equal(await metric('type="login",reason=""'), 2)
  t.equal(await metric('type="login-failed",reason=""'), 1)
  t.equal(await metric('type="refresh",reason=""'), 1)
  t.equal(await metric('type="logout",reason=""'), 1)

  const thief = browser.copy()
  for (let i = 0; i < 4; i++) {
    clock.advance(minutes(20))
    await browser.refresh()
  }
  t.equal((await thief.refresh()).statusCode, 401)
  t.equal(await metric('type="reuse-detected",reason=""'), 1)
  t.equal(await metric('type="refresh-rejected",reason="reused"'), 1)
  await app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie: '__Host-Http-refresh_token=forged' } })
  t.equal(await metric('type="refresh-rejected",reason="forged"'), 1)
  await browser.login(ADA)
  t.match((await activity()).map(({ type }) => type), ['login', 'refresh-rejected', 'reuse-detected', 'login'])
})

t.test('everybody sees their own', async (t) => {
  const { app, browser, activity } = await start(t)
  await browser.login(ADA)
  const grace = new Browser(app)
  await grace.login({ username: 'grace', password: 'eleven-inches-of-wire' })
  t.equal((await activity()).length, 1)
  t.equal((await app.inject('/activity')).statusCode, 401)
})

t.test('no secret gets into the file', async (t) => {
  const { app, browser, file, clock } = await start(t)
  const secrets = [ADA.password, 'typed into the wrong field']
  await browser.login(ADA)
  await browser.login({ username: 'typed into the wrong field', password: 'x' })
  secrets.push(browser.accessToken as string, ...browser.cookies.values())
  clock.advance(minutes(20))
  await browser.refresh()
  secrets.push(browser.accessToken as string, ...browser.cookies.values())
  await app.close()
  const bytes = readFileSync(file, 'latin1')
  t.match(bytes, 'p-1815')
  t.equal(secrets.length, 6)
  for (const secret of secrets) t.notOk(bytes.includes(secret))
})

t.test('an audit table that cannot be written keeps nobody out', async (t) => {
  const { browser, file, metric } = await start(t)
  const database = await openDatabase(file)
  database.exec('DROP TABLE audit')
  database.close()
  t.equal((await browser.login(ADA)).statusCode, 200)
  t.equal(await metric('type="login",reason=""'), 1)
})

t.test('an app that is closed counts no more', async (t) => {
  const first = await start(t)
  await first.app.close()
  const second = await start(t)
  await second.browser.login(ADA)
  t.equal(await second.metric('type="login",reason=""'), 1)
  t.equal(await first.metric('type="login",reason=""'), 0)
})
