/**
 * What a visitor's browser saves, taken as it is by wg-quick on the visitor's host, which reaches the IPv6 internet
 * with it. In namespaces, with wireguard-go on both sides.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM, FLAGS } from '../portal/chromium.ts'
import { INTERNET_IPV6, LabBroker, readRows, type Settings, WEB } from './lab-broker.ts'
import type { Ticket } from './lab-client.ts'
import { type Host, runQuietly } from './narrator.ts'
import { carryRouted, ROUTED_LENGTHS } from './routed-lengths.ts'

const ROUTED_POOL = '2001:db8:8000::/40'
const SETTINGS: Settings = {
  layout: 'shared',
  reachability: 'off',
  monitorInterval: '1h',
  threshold: 5,
  kinds: ['wireguard'],
  routedPrefix: ROUTED_POOL,
}
const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const DIRECTORY = '/run/lab/visitor'
const SAVED = join(DIRECTORY, 'freenet6.conf')
const BROWSER = join(DIRECTORY, 'chromium')
/** The lab has no certificates; browsers make keys on trustworthy pages alone, which are those with TLS elsewhere. */
const TRUST = `--unsafely-treat-insecure-origin-as-secure=${WEB}`

suite('the configuration that a browser saves', { concurrency: false }, () => {
  let broker: LabBroker
  let browser: Browser
  let ticket: Ticket

  before(async () => {
    must('sh', TOPOLOGY)
    inside('internet', 'ip', '-6', 'route', 'add', ROUTED_POOL, 'via', '2001:db8:ffff::1')
    broker = await LabBroker.start(SETTINGS)
    mkdirSync(DIRECTORY, { recursive: true })
    writeFileSync(BROWSER, `#!/bin/sh\nexec ip netns exec client ${CHROMIUM} "$@"\n`, { mode: 0o755 })
    browser = await chromium.launch({ executablePath: BROWSER, args: [...FLAGS, TRUST] })
  })
  after(async () => {
    await browser?.close()
    await broker?.kill()
  })

  test('is made in the page, with keys of its own', async () => {
    const page = await browser.newPage()
    await page.goto(`${WEB}/register/ios`)
    await page.getByRole('button', { name: 'Make a key pair in this browser' }).click()
    await page.getByText('The public key is filled in').waitFor()
    await page.getByLabel('Nicname').fill('phone')
    await page.getByLabel('Country').selectOption('ca')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    await save(page)
    const [row, ...others] = readRows()
    assert.equal(others.length, 0)
    ticket = { id: row?.id ?? '', key: (await page.locator('#key').textContent()) ?? '' }
  })

  test('is taken by wg-quick as it is, and the IPv6 internet is there', () => {
    inside('client', 'env', 'WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go', 'wg-quick', 'up', SAVED)
    inside('client', 'ping', '-6', '-c', '1', '-W', '5', INTERNET_IPV6)
    const [row] = readRows()
    inside('internet', 'ping', '-6', '-c', '1', '-W', '5', row?.IPv6client ?? '')
    assert.match(inside('client', 'wg', 'show', 'freenet6', 'latest-handshakes'), /\t[1-9]\d+\n/)
  })

  for (const routedLength of ROUTED_LENGTHS)
    test(`carries a routed /${routedLength}, from its first address to its last, until it is given back`, async () => {
      await broker.kill() // what carries the tunnels stays, with its sessions
      broker = await LabBroker.start({ ...SETTINGS, routedLength })
      carryRouted('client', ticket, { length: routedLength })
    })
})

async function save(page: Page): Promise<void> {
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Save freenet6.conf' }).click()
  await (await download).saveAs(SAVED)
}

function inside(host: Host, ...command: readonly string[]): string {
  const { status, stdout, stderr } = runQuietly(host, command)
  assert.equal(status, 0, `${command.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
