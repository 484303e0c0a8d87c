import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { missingPackages } from '../packages.ts'
import { type Server, startServer } from '../spawn.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { LAB } from './portal-world.ts'

/** What axe finds in the document that is open, a line each; its source was put in before. */
const FINDINGS = `axe.run(document).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ': ' + target + ' ' + failureSummary)))`
const OVERFLOW = 'document.documentElement.scrollWidth - window.innerWidth'
const PAGES = ['/', '/register/linux', '/tunnels', '/recover', '/errors', '/nowhere']
const LOOKS = [
  { locale: 'en', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { locale: 'fr', colorScheme: 'dark', viewport: { width: 320, height: 640 } },
] as const

suite('axe-core finds nothing', { skip: await missingPackages(['chromium']) }, () => {
  let server: Server
  let browser: Browser

  before(async () => {
    server = await startServer({ config: LAB })
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  after(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  async function check(page: Page): Promise<void> {
    await page.evaluate(axe.source)
    assert.deepEqual(await page.evaluate<string[]>(FINDINGS), [])
    assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0, 'no sideways scrolling')
  }

  for (const look of LOOKS) {
    const { locale, colorScheme, viewport } = look
    for (const path of PAGES) {
      test(`on ${path}, ${locale}, ${colorScheme}, ${viewport.width} px wide`, async () => {
        const context = await browser.newContext({ ...look, bypassCSP: true })
        const page = await context.newPage()
        await page.goto(`${server.web}${path}`)
        await check(page)
        await context.close()
      })
    }
  }
})
