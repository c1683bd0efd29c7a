// Takes pictures of the page, light, dark, on a phone and with two devices, and the one of the README: tsx --conditions=@fastify-token-auth/source examples/screenshots.ts [folder]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from '../test/fixtures/chromium.ts'
import { build } from './server.ts'

const DESKTOP = { width: 1280, height: 940 }
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const SETTINGS: Record<string, BrowserContextOptions> = {
  light: { viewport: DESKTOP, colorScheme: 'light' },
  dark: { viewport: DESKTOP, colorScheme: 'dark' },
  phone: { ...PHONE, colorScheme: 'light' },
  'phone-dark': { ...PHONE, colorScheme: 'dark' }
}
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'

const pictures = process.argv[2] ?? 'screenshots'
const dataFolder = mkdtempSync(join(tmpdir(), 'screenshots-'))
let ahead = 0
const app = await build({ dataFolder, clock: () => Date.now() + ahead })
const origin = await app.listen({ port: 0, host: '127.0.0.1' })
const browser = await launchChromium()

async function open (options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  await page.clock.install()
  await page.goto(origin)
  await page.locator('#sign-in').waitFor()
  return page
}

async function logIn (page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Ada Lovelace' }).click()
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('.device').first().waitFor()
}

/** Let seconds pass, for the page and for the server. */
async function pass (page: Page, seconds: number): Promise<void> {
  ahead += seconds * 1000
  await page.clock.fastForward(seconds * 1000)
}

/** Wait for expiry: the story that the page is about. */
async function refresh (page: Page): Promise<void> {
  await page.locator('#wait').click()
  await pass(page, 30.5)
  await page.getByText('Repeated with the new token').waitFor()
  await pass(page, 9)
  await page.mouse.move(0, 0)
}

const phone = await open({ ...PHONE, userAgent: IPHONE })
await logIn(phone)

// a little smaller, so that it weighs less than 200 kB
const readme = await open({ viewport: DESKTOP, deviceScaleFactor: 0.875 })
await logIn(readme)
await refresh(readme)
await readme.screenshot({ path: join(import.meta.dirname, '../docs/images/example-page.png') })
await readme.locator('#logout').click()
await readme.locator('#sign-in').waitFor()
await readme.context().close()

for (const [setting, options] of Object.entries(SETTINGS)) {
  const page = await open(options)
  const picture = (state: string) => page.screenshot({ path: join(pictures, `${setting}-${state}.png`), fullPage: true })
  await picture('signed-out')
  await logIn(page)
  await refresh(page)
  await picture('refreshed')
  await page.getByRole('button', { name: 'Log out Safari on iPhone' }).click()
  await page.getByText('That device is logged out').waitFor()
  await picture('devices')
  await page.locator('#fail-store').click()
  await page.locator('#trouble').waitFor()
  await page.evaluate('scrollTo(0, 0)')
  await picture('store-fails')
  await pass(page, 11)
  await page.getByText('Back again', { exact: true }).waitFor()
  await pass(page, 31)
  await picture('expired')
  await page.locator('#logout').click()
  await page.locator('#sign-in').waitFor()
  await page.context().close()
  await phone.reload()
  await logIn(phone)
}

await browser.close()
await app.close()
rmSync(dataFolder, { recursive: true })
