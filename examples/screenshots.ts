// Takes pictures of the page, light, dark and on a phone: tsx --conditions=@fastify-token-auth/source examples/screenshots.ts [folder]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import { launchChromium } from '../test/fixtures/chromium.ts'
import { build } from './server.ts'

const DESKTOP = { width: 1280, height: 940 }
const SETTINGS: Record<string, BrowserContextOptions> = {
  light: { viewport: DESKTOP, colorScheme: 'light' },
  dark: { viewport: DESKTOP, colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: 'light' }
}

const pictures = process.argv[2] ?? 'screenshots'
const dataFolder = mkdtempSync(join(tmpdir(), 'screenshots-'))
let ahead = 0
const app = await build({ dataFolder, clock: () => Date.now() + ahead })
const origin = await app.listen({ port: 0, host: '127.0.0.1' })
const browser = await launchChromium()

for (const [setting, options] of Object.entries(SETTINGS)) {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const picture = (state: string) => page.screenshot({ path: join(pictures, `${setting}-${state}.png`), fullPage: true })
  await page.clock.install()
  await page.goto(origin)
  await page.locator('#sign-in').waitFor()
  await picture('signed-out')
  await page.getByRole('button', { name: 'Ada Lovelace' }).click()
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor()
  await page.locator('#wait').click()
  ahead += 31_000
  await page.clock.fastForward(30_500)
  await page.getByText('Repeated with the new token').waitFor()
  await page.clock.fastForward(11_000)
  await picture('refreshed')
  await page.clock.fastForward(20_000)
  await picture('expired')
  await context.close()
}

await browser.close()
await app.close()
rmSync(dataFolder, { recursive: true })
