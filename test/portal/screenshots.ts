/**
 * Makes a picture of every page, in both languages, on a phone and on a desktop, for a person to look at:
 *
 *     npm run screenshots [DIRECTORY]
 *
 * The first page as docs/landing.png shows it is `readme.png` among them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { formatIpv6 } from '../../src/address/ipv6.ts'
import { COUNTRIES } from '../../src/registration/country.ts'
import { FakeKernel } from '../lifecycle/world.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { LAB, PortalWorld } from './portal-world.ts'

const LOOKS = [
  { locale: 'en', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { locale: 'en', colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  { locale: 'fr', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  { locale: 'fr', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
] as const
const PAGES = {
  landing: '/',
  status: '/status',
  form: '/register/linux',
  recover: '/recover',
  errors: '/errors',
}
const CROWD = 60
const ROUNDS = 50
const MINUTE = 60
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

type Look = (typeof LOOKS)[number]

const directory = process.argv[2] ?? 'screenshots'
const clock = { now: 0 }
mkdirSync(directory, { recursive: true })
await using world = await PortalWorld.open(LAB, { kernel: new FakeKernel(), monotonic: () => clock.now })
/** With both kinds of tunnels, in a dry run. */
await using both = await PortalWorld.open()
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
try {
  await fillTable()
  for (const [at, look] of LOOKS.entries()) await photographAll(browser, look, at)
  await photographForReadme(browser)
} finally {
  await browser.close()
}

/** Tunnels of many countries, two in three of which answer. */
async function fillTable(): Promise<void> {
  for (let i = 0; i < CROWD; i++) {
    const country = COUNTRIES[(i * i) % 17]?.code ?? 'ca'
    await world.register({ ipv4: `203.0.113.${i + 1}`, nicname: `host${i}`, country })
  }
  const ids = world.broker.table.after('', CROWD).rows.map(({ id }) => id)
  await world.broker.lifecycle.recordRound({ answered: ids.filter((_, i) => i % 3 !== 0), silent: [] })
}

async function photographAll(browser: Browser, look: Look, at: number): Promise<void> {
  const context = await browser.newContext(look)
  const page = await context.newPage()
  const picture = async (name: string) => {
    const file = `${name}-${look.locale}-${look.viewport.width}.png`
    await page.screenshot({ path: join(directory, file), fullPage: true })
  }
  const open = async (name: string, path: string) => {
    await page.goto(`${world.url}${path}`)
    await picture(name)
  }
  const id = await register(page, `192.0.2.${at + 10}`, `alice${at}`)
  await picture('registered')
  live(id)
  await open('tunnel', `/tunnels/${id}`)
  await page.fill('#mtu', '1400')
  await page.click('form[action$="/mtu"] button')
  await picture('changed')
  await open('history', `/tunnels/${id}/history`)
  const tunnel = world.broker.table.byId(id)
  if (tunnel !== undefined) world.silent.add(formatIpv6(tunnel.ipv6Client))
  await open('why', `/tunnels/${id}/why`)
  await open('mine', '/tunnels')
  await open('email', `/tunnels/${id}/email`)
  await refused(page)
  await picture('refused')
  await deleted(page, id)
  await picture('deleted')
  for (const [name, path] of Object.entries(PAGES)) await open(name, path)
  await page.goto(`${both.url}/register/android`)
  await picture('form-android')
  await registerByKey(page, `phone${at}`)
  await picture('registered-wireguard')
  await context.close()
}

/** A form with a mistake in each field, where an invitation is asked for. */
async function refused(page: Page): Promise<void> {
  world.broker.entry.change({ invitations: 'required', blockedPrefixes: [], blockedNicnames: ['*bank*'] })
  await page.goto(`${world.url}/register/linux`)
  await page.locator('#ipv4').fill('300.1.1.1')
  await page.locator('#nicname').fill('mybank')
  await page.locator('#invitation').fill('k7mw2p-4h8n')
  await page.locator('main form button').first().click()
  await page.locator('#problems').waitFor()
  world.broker.entry.change({ invitations: 'off', blockedPrefixes: [], blockedNicnames: [] })
}

async function deleted(page: Page, id: string): Promise<void> {
  await page.goto(`${world.url}/tunnels/${id}`)
  await page.locator('#sure').check()
  await page.locator('button.danger').click()
  await page.getByText('freenet6-down').or(page.locator('main pre')).first().waitFor()
}

async function photographForReadme(browser: Browser): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 }, userAgent: LINUX })
  await page.goto(world.url)
  await page.screenshot({ path: join(directory, 'readme.png') })
  await page.close()
}

/** A tunnel whose keys the browser makes. */
async function registerByKey(page: Page, nicname: string): Promise<void> {
  await page.locator('#make-keys button').click()
  await page.locator('#nicname').fill(nicname)
  await page.locator('#country').selectOption('ca')
  await page.locator('main form button').last().click()
  await page.locator('#key').waitFor()
  await page.locator('#qr svg').waitFor()
}

async function register(page: Page, ipv4: string, nicname: string): Promise<string> {
  await page.goto(`${world.url}/register/linux`)
  await page.locator('#ipv4').fill(ipv4)
  await page.locator('#nicname').fill(nicname)
  await page.locator('#country').selectOption('ca')
  await page.locator('main form button').first().click()
  await page.locator('#key').waitFor()
  return world.broker.table.idByEndpoint(ipv4) ?? ''
}

/** Lets a tunnel live for most of an hour, with a loss now and then. */
function live(id: string): void {
  const { history } = world.broker
  for (let round = 0; round < ROUNDS; round++) {
    clock.now += MINUTE
    const isLost = round % 13 === 7
    const answered = new Map(isLost ? [] : [[id, 25 + 12 * Math.sin(round / 6) + (round % 5)] as const])
    history.record({ answered, silent: isLost ? [id] : [] })
    history.recordOctets(
      new Map([
        [
          id,
          {
            received: 400 + 300 * Math.round(1 + Math.sin(round / 9)),
            sent: 2 * (400 + 300 * Math.round(1 + Math.sin(round / 9))),
          },
        ],
      ]),
    )
  }
}
