import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { missingPackages } from '../packages.ts'
import { ask, type Server, startServer } from '../spawn.ts'
import { PATIENCE_MS } from '../until.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'
import { LAB } from './portal-world.ts'

/** Looked up in the page: the server's types know no document. */
const FOCUSED = "document.activeElement?.textContent.trim() || document.activeElement?.id || ''"
const OVERFLOW = 'document.documentElement.scrollWidth - window.innerWidth'
const UNLABELLED =
  "[...document.querySelectorAll('input:not([type=hidden]), select')].filter(field => field.labels.length === 0).length"
const run = promisify(execFile)
const PHONE = { width: 360, height: 740 }
const DESKTOP = { width: 1280, height: 900 }

suite('in a browser', { skip: await missingPackages(['chromium', 'wg', 'zbarimg']) }, () => {
  let server: Server
  let browser: Browser
  let directory: string
  const complaints: string[] = []

  before(async () => {
    server = await startServer({ config: LAB })
    directory = mkdtempSync(join(tmpdir(), 'freenet6-browser-'))
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  after(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })

  afterEach(() => {
    assert.deepEqual(
      complaints.splice(0).filter(text => text.includes('Content Security Policy')),
      [],
    )
  })

  async function open(path: string, viewport = DESKTOP): Promise<Page> {
    const context = await browser.newContext({ viewport })
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    page.on('console', message => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.goto(`${server.web}${path}`)
    return page
  }

  async function fill(page: Page, ipv4: string, nicname: string, country: string): Promise<void> {
    await page.getByLabel('IPv4 address of your host').fill(ipv4)
    await page.getByLabel('Nicname').fill(nicname)
    await page.getByLabel('Country').selectOption(country)
  }

  test('from the landing page to the tunnel’s page: the script is there, the name resolves, the key is shown once', async () => {
    const page = await open('/')
    await page.getByRole('link', { name: /^Linux/ }).click()
    assert.equal(await page.getByLabel('IPv4 address of your host').inputValue(), '127.0.0.1', 'pre-filled')
    await fill(page, '192.0.2.11', 'browser', 'ca')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'browser.ca.freenet6.net')
    assert.match((await page.locator('#key').textContent()) ?? '', /^[0-9a-f]{32}$/)
    assert.match((await page.locator('pre').first().textContent()) ?? '', /client_ipv4=192\.0\.2\.11/)
    assert.equal((await ask(server.endpoint(4), 'browser.ca.freenet6.net', 'AAAA')).rcode, 'NOERROR')
    await page.reload()
    assert.equal(await page.locator('#key').count(), 0)
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'browser.ca.freenet6.net')
  })

  /** What a phone reads of the page's QR code. */
  async function readByCamera(page: Page): Promise<string> {
    const picture = join(directory, 'qr.png')
    await page.getByRole('img', { name: 'QR code of the configuration' }).screenshot({ path: picture })
    const { stdout } = await run('zbarimg', ['-q', '--raw', '--oneshot', picture])
    return stdout.trim()
  }

  /** What is left for `wg setconf` when `wg-quick` has taken its own lines out. */
  async function strippedByWgQuick(configuration: string): Promise<string> {
    const file = join(directory, 'freenet6.conf')
    writeFileSync(file, configuration, { mode: 0o600 })
    const { stdout } = await run('wg-quick', ['strip', file])
    return stdout
  }

  test('a browser that can make no such keys says so, and what to do', async () => {
    const context = await browser.newContext()
    context.setDefaultTimeout(PATIENCE_MS)
    await context.addInitScript(
      "crypto.subtle.generateKey = () => Promise.reject(new DOMException('no X25519', 'NotSupportedError'))",
    )
    const page = await context.newPage()
    await page.goto(`${server.web}/register/linux?kind=wireguard`)
    await page.getByRole('button', { name: 'Make a key pair in this browser' }).click()
    await page.getByText('make a pair on your host, allow that, or take a newer browser').waitFor()
    assert.equal(await page.getByLabel('WireGuard public key').inputValue(), '')
  })

  test('WireGuard’s keys are made in the page: configuration and QR code have the private one, no request has it', async () => {
    const page = await open('/register/android')
    const requests: string[] = []
    page.on('request', request =>
      requests.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ''}`),
    )
    await page.getByRole('button', { name: 'Make a key pair in this browser' }).click()
    await page.getByText('The public key is filled in').waitFor()
    const publicKey = await page.getByLabel('WireGuard public key').inputValue()
    await page.getByLabel('Nicname').fill('phone')
    await page.getByLabel('Country').selectOption('ca')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save freenet6.conf' }).click()
    const configuration = readFileSync(await (await download).path(), 'utf8')
    const privateKey = /^PrivateKey = ([A-Za-z0-9+/]{43}=)$/m.exec(configuration)?.[1] ?? ''
    assert.equal(publicKeyOf(privateKey), publicKey, 'the configuration is that of the registered key')
    assert.match(configuration, /^PublicKey = [A-Za-z0-9+/]{43}=$/m)
    assert.match(configuration, /^AllowedIPs = ::\/1, 8000::\/1\nPersistentKeepalive = 25$/m)
    assert.equal(await readByCamera(page), configuration.trim())
    assert.match(
      await strippedByWgQuick(configuration),
      /^PrivateKey = .*\n[\s\S]*^AllowedIPs = ::\/1, 8000::\/1$/m,
    )
    assert.ok(
      requests.some(request => request.includes(encodeURIComponent(publicKey))),
      'all requests are seen',
    )
    for (const text of [privateKey, encodeURIComponent(privateKey), privateKey.slice(0, 20)])
      assert.ok(!requests.some(request => request.includes(text)), 'the private key leaves the browser')
  })

  test('a form can be switched to WireGuard and back, with what was typed', async () => {
    const page = await open('/register/linux')
    await fill(page, '10.1.2.3', 'behind', 'ca')
    await page.getByRole('button', { name: 'Take WireGuard instead' }).click()
    assert.equal(await page.getByLabel('Nicname').inputValue(), 'behind')
    await page.getByLabel('WireGuard public key').fill('no key')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    assert.match((await page.locator('#public_key-problem').textContent()) ?? '', /44 characters of base64/)
    await page.getByRole('button', { name: 'Take IPv6 in IPv4 (sit) instead' }).click()
    assert.equal(await page.getByLabel('IPv4 address of your host').inputValue(), '10.1.2.3')
  })

  test('the page follows the tunnel by itself, and its lines are copied by a button', async () => {
    const page = await open('/register/linux')
    await fill(page, '192.0.2.16', 'live', 'ca')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    await page
      .locator('#echo-words')
      .filter({ hasText: /answered|not answered/ })
      .waitFor()
    const context = page.context()
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy' }).first().click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')
    assert.match(copied, /^curl -o freenet6-up\.sh 'http:.*action=up'$/)
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save it as a file' }).click()
    assert.equal((await download).suggestedFilename(), 'freenet6-key.txt')
    const key = (await page.locator('#key').textContent()) ?? ''
    const path = /tunnels\/([a-z0-9]{12})/.exec(page.url())?.[1] ?? ''
    await fetch(`${server.web}/api/v1/tunnels/${path}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${key}` },
    })
    await page.locator('#state.gone').waitFor()
  })

  test('without a script the page has all but the buttons, and the key can be saved', async () => {
    const context = await browser.newContext({ viewport: DESKTOP, javaScriptEnabled: false })
    context.setDefaultTimeout(PATIENCE_MS)
    const page = await context.newPage()
    await page.goto(`${server.web}/register/linux`)
    await fill(page, '192.0.2.17', 'plain', 'ca')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    assert.equal(await page.getByRole('button', { name: 'Copy' }).count(), 0)
    assert.equal(await page.getByRole('link', { name: 'Look again' }).count(), 1)
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save it as a file' }).click()
    assert.match(readFileSync((await (await download).path()) ?? '', 'utf8'), /^Key: [0-9a-f]{32}$/m)
  })

  test('each mistake stands beside its field, and what was typed is still there', async () => {
    const page = await open('/register/linux')
    await page.getByLabel('IPv4 address of your host').fill('256.1.1.1')
    await page.getByLabel('Nicname').fill('<script>alert(1)</script>')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    for (const [field, words] of [
      ['ipv4', /four decimal numbers/],
      ['nicname', /letters a–z/],
      ['country', /Choose a country/],
    ] as const) {
      const described = (await page.locator(`#${field}`).getAttribute('aria-describedby')) ?? ''
      assert.ok(described.split(' ').includes(`${field}-problem`), field)
      assert.match((await page.locator(`#${field}-problem`).textContent()) ?? '', words)
      assert.equal(await page.locator(`#${field}`).getAttribute('aria-invalid'), 'true')
    }
    assert.equal(await page.getByLabel('IPv4 address of your host').inputValue(), '256.1.1.1')
    assert.equal(await page.getByLabel('Nicname').inputValue(), '<script>alert(1)</script>')
    assert.match((await page.getByRole('alert').textContent()) ?? '', /Nothing was registered/)
  })

  test('with the keyboard alone', async () => {
    const page = await open('/')
    const focused = () => page.evaluate<string>(FOCUSED)
    const tabTo = async (what: RegExp) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab')
        if (what.test(await focused())) return
      }
      assert.fail(`the keyboard does not reach ${what}`)
    }
    await tabTo(/^Skip to the content/)
    await tabTo(/^Debian/)
    await page.keyboard.press('Enter')
    await page.waitForURL(/register\/debian/)
    await tabTo(/^ipv4$/)
    await page.keyboard.press('Control+A')
    await page.keyboard.type('192.0.2.12')
    await page.keyboard.press('Tab')
    await page.keyboard.type('keyboard')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Canada')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/tunnels\//)
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'keyboard.ca.freenet6.net')
  })

  test('an endpoint with a tunnel leads back to it; with the key it is moved and deleted', async () => {
    const page = await open('/register/linux')
    await fill(page, '192.0.2.13', 'owner', 'fr')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    const key = (await page.locator('#key').textContent()) ?? ''
    const other = await open('/register/linux')
    await fill(other, '192.0.2.13', 'second', 'fr')
    await other.getByRole('button', { name: 'Register the tunnel' }).click()
    await other.getByRole('link', { name: 'Open the tunnel that is there' }).click()
    await other.getByLabel('Id or name').fill('owner.fr.freenet6.net')
    await other.getByLabel('Key').fill('0'.repeat(32))
    await other.getByRole('button', { name: 'Open' }).click()
    assert.match(
      (await other.getByRole('alert').textContent()) ?? '',
      /No tunnel has this id or name with this key/,
    )
    await other.getByLabel('Key').fill(key)
    await other.getByRole('button', { name: 'Open' }).click()
    await other.getByLabel('New IPv4 address').fill('192.0.2.14')
    await other.getByRole('button', { name: 'Move the tunnel' }).click()
    assert.match((await other.locator('table').textContent()) ?? '', /192\.0\.2\.14/)
    await other.getByRole('button', { name: 'Delete' }).click()
    assert.match((await other.getByRole('alert').textContent()) ?? '', /Tick the box/)
    await other.getByLabel(/I am sure/).check()
    await other.getByRole('button', { name: 'Delete' }).click()
    assert.equal(await other.getByRole('heading', { level: 1 }).textContent(), 'The tunnel is gone')
    assert.equal((await ask(server.endpoint(4), 'owner.fr.freenet6.net', 'AAAA')).rcode, 'NXDOMAIN')
  })

  for (const [path, what] of [
    ['/', 'the landing page'],
    ['/register/windows', 'a form'],
    ['/tunnels', 'the sign-in page'],
    ['/errors', 'the list of codes'],
    ['/nowhere', 'an error page'],
  ] as const) {
    test(`${what} fits a phone, and every field has a label`, async () => {
      const page = await open(path, PHONE)
      assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0, 'no sideways scrolling')
      const unlabelled = await page.evaluate<number>(UNLABELLED)
      assert.equal(unlabelled, 0)
    })
  }

  test('the tunnel’s page fits a phone', async () => {
    const page = await open('/register/linux', PHONE)
    await fill(page, '192.0.2.15', `${'long-'.repeat(12)}x`, 'gb')
    await page.getByRole('button', { name: 'Register the tunnel' }).click()
    assert.equal(await page.locator('#key').count(), 1)
    assert.ok((await page.evaluate<number>(OVERFLOW)) <= 0)
  })
})

/** Both in base64, as WireGuard writes them. */
function publicKeyOf(privateKey: string): string {
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex') // RFC 8410 7
  const key = createPrivateKey({
    key: Buffer.concat([head, Buffer.from(privateKey, 'base64')]),
    format: 'der',
    type: 'pkcs8',
  })
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')
}
