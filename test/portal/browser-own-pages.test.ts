import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { FakeKernel } from '../lifecycle/world.ts'
import { missingPackages } from '../packages.ts'
import { PATIENCE_MS } from '../until.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { GOOD, LAB, PortalWorld } from './portal-world.ts'

/** Looked up in the page: the server's types know no document. */
const FOCUSED = "document.activeElement?.textContent.trim() || document.activeElement?.id || ''"
const MAX_TABS = 60

suite('an owner’s pages in a browser', { skip: await missingPackages(['chromium']) }, () => {
  let world: PortalWorld
  let browser: Browser

  before(async () => {
    world = await PortalWorld.open(LAB, { kernel: new FakeKernel() })
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
  })

  async function registered(page: Page, nicname: string): Promise<void> {
    await page.goto(`${world.url}/register/linux`)
    await page.locator('#ipv4').fill(`192.0.2.${nicname.length + 30}`)
    await page.locator('#nicname').fill(nicname)
    await page.locator('#country').selectOption(GOOD.country)
    await page.locator('main form button').first().click()
    await page.locator('#key').waitFor()
  }

  const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent()

  test('without a script: history, diagnosis, the list of tunnels, the way out', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await registered(page, 'plain')
    const id = world.broker.table.idByName('plain', GOOD.country) ?? ''
    world.broker.history.record({ answered: new Map([[id, 20]]), silent: [] })
    await page.getByRole('link', { name: /^How it has fared/ }).click()
    await page.getByRole('link', { name: 'Month' }).click()
    assert.equal(await page.getByRole('img', { name: 'Round trip' }).count(), 1)
    await page.getByText('The same as a table').click()
    assert.ok(await page.getByRole('cell', { name: '20 ms' }).isVisible())
    await page.getByRole('link', { name: 'Back to the tunnel' }).click()
    await page.getByRole('link', { name: 'Why does it not work?' }).click()
    assert.match((await page.locator('main').textContent()) ?? '', /It works/)
    await page.getByRole('link', { name: 'My tunnels' }).click()
    assert.equal(await heading(page), 'My tunnels')
    await page.getByRole('button', { name: 'Sign out' }).click()
    assert.equal(await heading(page), 'Open your tunnel')
    await context.close()
  })

  test('a page whose session ends in another tab says that it follows the tunnel no longer', async () => {
    const context = await browser.newContext()
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await registered(page, 'twotabs')
    const other = await context.newPage()
    await other.goto(`${world.url}/tunnels`)
    await other.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('This page no longer follows the tunnel.').waitFor()
    await page.getByRole('link', { name: 'Look again' }).click()
    assert.equal(await heading(page), 'Open your tunnel')
    await context.close()
  })

  test('a private key whose tab was closed is replaced in the browser that lost it', async () => {
    await using both = await PortalWorld.open()
    const context = await browser.newContext()
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await page.goto(`${both.url}/register/android`)
    await page.getByRole('button', { name: 'Make a key pair in this browser' }).click()
    await page.getByText('The public key is filled in').waitFor()
    await page.locator('#nicname').fill('lostit')
    await page.locator('#country').selectOption('ca')
    await page.locator('#register > button').first().click()
    await page.locator('#own-key').waitFor()
    const later = await context.newPage()
    await later.goto(page.url())
    await page.close()
    await later.getByRole('link', { name: 'give the tunnel another one' }).click()
    await later.getByRole('button', { name: 'Make a key pair in this browser' }).click()
    await later.getByText('The public key is filled in').waitFor()
    const publicKey = await later.locator('#public-key').inputValue()
    await later.getByRole('button', { name: 'Use this key' }).click()
    await later.locator('#own-key').waitFor()
    assert.equal(await later.locator('#wireguard').getAttribute('data-public-key'), publicKey)
    assert.doesNotMatch((await later.locator('#configuration').textContent()) ?? '', /YOUR PRIVATE KEY/)
    await context.close()
  })

  test('a line that the browser does not copy is left selected, and the button says so', async () => {
    const context = await browser.newContext()
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await page.addInitScript(`
      Object.defineProperty(navigator, 'clipboard', { value: { writeText: () => Promise.reject(new DOMException('no')) } })
      document.execCommand = () => false`)
    await registered(page, 'nocopying')
    await page.locator('[data-copy=key]').click()
    await page.getByRole('button', { name: 'Not copied: it is selected, copy it by hand' }).waitFor()
    assert.equal(await page.evaluate('String(getSelection())'), await page.locator('#key').textContent())
    await page.evaluate('document.execCommand = () => true')
    await page.locator('[data-copy=key]').click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    await context.close()
  })

  test('a state that changes before the reader takes the time of the one before along', async () => {
    const context = await browser.newContext()
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await registered(page, 'changesitsstate')
    const id = world.broker.table.idByName('changesitsstate', GOOD.country) ?? ''
    await page.locator('#state.waiting small').waitFor()
    await world.broker.lifecycle.recordRound({ answered: [id], silent: [] })
    await page.locator('#state.active').waitFor()
    assert.equal(await page.locator('#state small').count(), 0)
    await page.reload()
    assert.equal(await page.locator('#state.active').count(), 1)
    await context.close()
  })

  test('by the keyboard alone: the main action, and why a tunnel does not work', async () => {
    const context = await browser.newContext()
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    const enter = async (what: RegExp) => {
      for (let i = 0; i < MAX_TABS; i++) {
        await page.keyboard.press('Tab')
        if (!what.test(await page.evaluate<string>(FOCUSED))) continue
        await page.keyboard.press('Enter')
        return
      }
      assert.fail(`the keyboard does not reach ${what}`)
    }
    await page.goto(world.url)
    await enter(/^Get a tunnel for Linux$/)
    await page.waitForURL(/register\/linux/)
    await registered(page, 'keyboard')
    await page.reload()
    await enter(/^Why does it not work\?$/)
    await page.waitForURL(/\/why$/)
    await enter(/^Back to the tunnel$/)
    await page.waitForURL(/\/tunnels\/[a-z0-9]{12}$/)
    await context.close()
  })
})
