import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, suite, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { enterOwnNetwork } from '../own-network.ts'
import { missingPackages } from '../packages.ts'
import { PATIENCE_MS } from '../until.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { LAB, PortalWorld } from './portal-world.ts'

/** It has none of these by itself: the registrations of this network are nobody's. */
const PUBLIC = '9.9.9.9'
const AT_HOME = '192.168.7.2'
const CONFIG = LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]')
const PORT = 8080 // in a network of its own
const BOTH = LAB.replace(
  '[web]',
  `[web]\nlisten = "[::]:${PORT}"\npublic_url = "http://broker.example.net:${PORT}"\nipv4_url = "http://ipv4.broker.example.net:${PORT}"`,
)
const NAMES = '--host-resolver-rules=MAP broker.example.net [::1], MAP ipv4.broker.example.net 127.0.0.1'
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
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await page.goto(`${world.url}/register/linux`)
    return page
  }

  const atNat = (page: Page) => page.getByText('does not have this address itself: it is behind a NAT')
  const atItself = (page: Page) => page.getByText('this machine has this address itself')

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
    await atItself(page).waitFor()
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
    assert.ok(await atItself(page).isHidden())
    await page.context().close()
  })
})

suite('the form over IPv6, with a name for IPv4 alone', { skip }, () => {
  let world: PortalWorld
  let browser: Browser
  before(async () => {
    world = await PortalWorld.open(BOTH)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, TELLING, NAMES] })
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
  })

  async function open(): Promise<Page> {
    const page = await browser.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    await page.goto(`http://broker.example.net:${PORT}/register/linux?kind=sit`)
    return page
  }

  test('fills in what the browser comes from over IPv4, and compares that', async () => {
    const page = await open()
    await page.getByText('Filled in: the address that this browser comes from over IPv4').waitFor()
    assert.equal(await page.getByLabel('IPv4 address of your host').inputValue(), '127.0.0.1')
    await page.getByText('does not have this address itself').waitFor()
    await page.context().close()
  })

  test('says so if the browser does not reach us over IPv4, and leaves what is typed', async () => {
    const page = await browser.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    await page.route('http://ipv4.broker.example.net:*/ip', route => route.abort())
    await page.goto(`http://broker.example.net:${PORT}/register/linux?kind=sit`)
    await page.getByText('does not reach us over IPv4').waitFor()
    assert.equal(await page.getByLabel('IPv4 address of your host').inputValue(), '')
    await page.context().close()
  })
})
