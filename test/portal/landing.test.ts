import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { LAB, PortalWorld } from './portal-world.ts'

const WINDOWS = { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)' }
const MAX_OCTETS = 40_000

suite('the landing page', () => {
  let world: PortalWorld

  before(async () => {
    world = await PortalWorld.open(
      LAB.replace('[web]', '[web]\ntrusted_proxies = ["127.0.0.1"]').replace(
        '[tunnel]',
        '[tunnel]\nrouted_prefix = "2001:db8:8000::/34"',
      ),
    )
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  async function page(headers: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await world.ask('/', { headers: { accept: 'text/html', ...headers } })).text
  }

  test('its main action is a tunnel for the visitor’s own system, and all systems are there', async () => {
    const text = await page(WINDOWS)
    assert.match(text, /<a class="button main" href="\/register\/windows">Get a tunnel for Windows<\/a>/)
    assert.match(text, /href="\/register\/windows" class="guessed"/)
    for (const { id } of world.broker.systems.all) assert.ok(text.includes(`href="/register/${id}"`), id)
  })

  test('a visitor whose system nobody knows is led to all of them', async () => {
    assert.match(await page(), /<a class="button main" href="#systems">Choose your system<\/a>/)
  })

  for (const [address, mood, words] of [
    ['8.8.8.8', 'good', 'Yes, by the look of it'],
    ['192.168.1.7', 'good', 'Yes, with WireGuard'],
    ['100.64.0.9', 'good', 'Yes, with WireGuard'],
    ['192.0.2.9', 'bad', 'no host on the Internet'],
    ['2001:db8:f6:7::2', 'good', 'through a tunnel of ours'],
    ['2001:db8:8000:107::2', 'good', 'through a tunnel of ours'],
    ['2a00:1450::1', 'good', 'You have IPv6 already'],
  ] as const) {
    test(`it tells a visitor from ${address} whether a tunnel can work from there`, async () => {
      const text = await page({ 'x-forwarded-for': address })
      const here = new RegExp(`<section class="here ${mood}"[\\s\\S]*?${address}[\\s\\S]*?${words}`)
      assert.match(text, here)
    })
  }

  test('its figures are those of the table', async () => {
    await using counted = await PortalWorld.open()
    await counted.register()
    await counted.register({ ipv4: '192.0.2.78', country: 'fr' })
    const { text } = await counted.ask('/')
    for (const [what, number] of [
      ['Tunnels', 2],
      ['Answering now', 2],
      ['Countries', 2],
    ] as const)
      assert.ok(text.includes(`<dt>${what}</dt><dd>${number}</dd>`), what)
  })

  test('it says what a nicname is before anybody is asked for one', async () => {
    assert.match(
      await page(),
      /<strong>nicname<\/strong>, a short name for your host: <code>alice<\/code> in Canada becomes <code>alice\.ca\.freenet6\.net<\/code>/,
    )
  })

  test('with all that it loads it is less than 40 KB compressed, all of it from here, and it runs no script', async () => {
    const text = await page(WINDOWS)
    const loaded = [...text.matchAll(/<(?:link|img|script|iframe)\b[^>]*?(?:href|src)="([^"]*)"/g)].map(
      ([, path = '']) => path,
    )
    assert.deepEqual([...new Set(loaded)].sort(), ['/icon.svg', '/style.css'])
    const parts = await Promise.all(loaded.map(async path => (await world.ask(path)).text))
    const octets = [text, ...parts].map(part => gzipSync(part).length).reduce((sum, part) => sum + part)
    assert.ok(octets < MAX_OCTETS, `${octets} octets`)
  })
})
