import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { missingPackages } from '../packages.ts'
import { PATIENCE_MS } from '../until.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { GOOD, PortalWorld } from './portal-world.ts'

/** What axe finds in the document that is open, a line each; its source was put in before. */
const FINDINGS = `axe.run(document).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ': ' + target + ' ' + failureSummary)))`
const OVERFLOW = 'document.documentElement.scrollWidth - window.innerWidth'
const PAGES = [
  '/',
  '/status',
  '/register/linux',
  '/register/linux?kind=wireguard',
  '/tunnels',
  '/recover',
  '/errors',
  '/nowhere',
]
/** Below a tunnel's own. */
const OWN_PAGES = ['', '/history', '/why', '/email']
const LOOKS = [
  { locale: 'en', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { locale: 'fr', colorScheme: 'dark', viewport: { width: 320, height: 640 } },
] as const

suite('axe-core finds nothing', { skip: await missingPackages(['chromium']) }, () => {
  let world: PortalWorld
  let browser: Browser

  before(async () => {
    world = await PortalWorld.open()
    const { id } = await world.register()
    world.broker.history.record({ answered: new Map([[id, 20]]), silent: [] })
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
  })

  async function check(page: Page): Promise<void> {
    await page.evaluate(axe.source)
    assert.deepEqual(await page.evaluate<string[]>(FINDINGS), [])
    assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0, 'no sideways scrolling')
  }

  /** Registers by the form, lets it be silent and answer, and looks at every page that its owner has. */
  async function checkOwnPages(look: (typeof LOOKS)[number]): Promise<void> {
    const context = await browser.newContext({ ...look, bypassCSP: true })
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    const ipv4 = `192.0.2.${look.viewport.width % 250}`
    await page.goto(`${world.url}/register/linux`)
    await page.locator('#ipv4').fill(ipv4)
    await page.locator('#nicname').fill(`${'long-'.repeat(11)}${look.locale}`)
    await page.locator('#country').selectOption(GOOD.country)
    await page.locator('#register > button').click()
    await page.locator('#key').waitFor()
    await check(page)
    const id = world.broker.table.idByEndpoint(ipv4) ?? assert.fail('registered')
    world.broker.history.record({ answered: new Map([[id, 20]]), silent: [] })
    world.broker.history.recordOctets(new Map([[id, { received: 20, sent: 2 * 20 }]]))
    for (const path of OWN_PAGES) {
      await page.goto(`${world.url}/tunnels/${id}${path}`)
      await check(page)
    }
    await page.locator('#email').fill('alice@example.org')
    await page.locator('form[action$="/email"] button').click()
    await page.getByText('alice@example.org').waitFor()
    await check(page)
    while (world.mails.length === 0) await page.waitForTimeout(10)
    await page.goto(world.mails.splice(0)[0]?.page ?? '')
    await check(page)
    await page.locator('button[value="yes"]').click()
    await page.locator('main form').waitFor({ state: 'detached' })
    await check(page)
    await context.close()
  }

  for (const look of LOOKS) {
    const { locale, colorScheme, viewport } = look
    for (const path of PAGES) {
      test(`on ${path}, ${locale}, ${colorScheme}, ${viewport.width} px wide`, async () => {
        const context = await browser.newContext({ ...look, bypassCSP: true })
        context.setDefaultTimeout(PATIENCE_MS)
        const page = await context.newPage()
        await page.goto(`${world.url}${path}`)
        await check(page)
        await context.close()
      })
    }
    test(`on a page with a key and a code for phones, ${locale}, ${colorScheme}, ${viewport.width} px wide`, async () => {
      const context = await browser.newContext({ ...look, bypassCSP: true })
      context.setDefaultTimeout(PATIENCE_MS)
      const page = await context.newPage()
      await page.goto(`${world.url}/register/linux?kind=wireguard`)
      await page.locator('#make-keys button').click()
      await page.locator('#make-keys [role=status]').filter({ hasText: /\S/ }).waitFor()
      await page.locator('#nicname').fill(`wg-${locale}`)
      await page.locator('#country').selectOption(GOOD.country)
      await page.locator('#register > button').click()
      await page.locator('#qr svg').waitFor()
      await check(page)
      await context.close()
    })

    test(`on the pages of a tunnel, ${locale}, ${colorScheme}, ${viewport.width} px wide`, () =>
      checkOwnPages(look))
  }
})
