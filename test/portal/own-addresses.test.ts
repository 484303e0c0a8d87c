import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, suite, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { enterOwnNetwork } from '../own-network.ts'
import { missingPackages } from '../packages.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { LAB, PortalWorld } from './portal-world.ts'

/** It has none of these by itself: the registrations of this network are nobody's. */
const PUBLIC = '9.9.9.9'
const AT_HOME = '192.168.7.2'
const CONFIG = LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]')
/** A page may see addresses that this browser would put a name in the place of. */
const TELLING = '--disable-features=WebRtcHideLocalIpsWithMdns'

const skip = (await missingPackages(['chromium'])) ?? (await enterOwnNetwork())

suite('the form in a browser that tells what addresses the machine has', { skip }, () => {
  let world: PortalWorld
  let telling: Browser
  let hiding: Browser

  before(async () => {
    for (const words of [
      'link add home0 type veth peer name home1',
      'link set home0 up',
      'link set home1 up',
      `address add ${AT_HOME}/24 dev home0`,
      'route add default via 192.168.7.1 dev home0',
    ])
      execFileSync('ip', words.split(' '))
    world = await PortalWorld.open(CONFIG)
    telling = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, TELLING] })
    hiding = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  after(async () => {
    await telling?.close()
    await hiding?.close()
    await world?.[Symbol.asyncDispose]()
  })

  async function open(browser: Browser, visitor: string): Promise<Page> {
    const context = await browser.newContext({ extraHTTPHeaders: { 'x-forwarded-for': visitor } })
    const page = await context.newPage()
    await page.goto(`${world.url}/register/linux`)
    return page
  }

  const atNat = (page: Page) => page.getByText(`does not have ${PUBLIC} itself: it is behind a NAT`)

  test('offers WireGuard to who is behind a NAT, one click away, with what was typed', async () => {
    const page = await open(telling, PUBLIC)
    await atNat(page).waitFor()
    await page.getByLabel('Nicname').fill('nat')
    await page.getByLabel('Nicname').press('Enter')
    await page.getByText('Nothing was registered').waitFor() // for want of a country: Enter registers
    await atNat(page).waitFor()
    await atNat(page).getByRole('button', { name: 'Take WireGuard instead' }).click()
    await page.getByLabel('WireGuard public key').waitFor()
    assert.equal(await page.getByLabel('Nicname').inputValue(), 'nat')
    await page.context().close()
  })

  test('says so where the machine has the address itself', async () => {
    execFileSync('ip', ['address', 'add', `${PUBLIC}/32`, 'dev', 'home0'])
    execFileSync('ip', `route replace default via 192.168.7.1 dev home0 src ${PUBLIC}`.split(' '))
    const page = await open(telling, PUBLIC)
    await page.getByText(`this machine has ${PUBLIC} itself`).waitFor()
    assert.ok(await atNat(page).isHidden())
    await page.context().close()
  })

  test('guesses nothing where the browser hides them', async () => {
    const page = await open(hiding, PUBLIC)
    await page.waitForFunction(
      'performance.getEntriesByName(location.origin + "/own-addresses.js").length > 0',
    )
    await page.waitForTimeout(2500)
    assert.ok(await atNat(page).isHidden())
    assert.ok(await page.getByText(`this machine has ${PUBLIC} itself`).isHidden())
    await page.context().close()
  })
})
