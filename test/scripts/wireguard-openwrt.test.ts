import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { cannot, requirePackages } from '../packages.ts'
import { PRIVATE_KEY, renderWireguard, USUAL_WIREGUARD, WIREGUARD_FACTS } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'
import { UCI } from './uci.ts'

const KEY_FILE = 'wireguard/freenet6.key'
const TOOLS = { uci: UCI, ifup: ':', ifdown: ':', ping6: ':', wg: 'exec /usr/bin/wg "$@"' } as const
/** OpenWrt's shell and tools are BusyBox's; wireguard-tools is there, and both services can be told to reload. */
const SETTING = `mkdir -p /run/upper /run/work /run/busybox /etc/init.d /etc/wireguard
mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/run/upper,workdir=/run/work /usr/lib
mkdir -p /lib/netifd/proto && : > /lib/netifd/proto/wireguard.sh
busybox --install -s /run/busybox
for service in network firewall; do
  printf '#!/bin/sh\\necho "%s $*" >> "$STATE/calls"\\n' $service > /etc/init.d/$service
  chmod 755 /etc/init.d/$service
done
PATH=$STATE/bin:/run/busybox
`
const WITH_KEY = `(umask 077; echo '${PRIVATE_KEY}' > /etc/${KEY_FILE})\n`
const INTERFACE = {
  proto: 'wireguard',
  private_key: PRIVATE_KEY,
  addresses: '2001:db8:f6:1::2/64',
  mtu: '1420',
  metric: '2048',
  ip6prefix: '2001:db8:8000:100::/56',
} as const
const PEER = {
  public_key: WIREGUARD_FACTS.serverPublicKey,
  endpoint_host: '192.0.2.1',
  endpoint_port: '51820',
  allowed_ips: '::/0',
  route_allowed_ips: '1',
  persistent_keepalive: '25',
} as const

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(TOOLS)
  const firewall = { '@zone[0]': 'zone', '@zone[0].name': 'wan', '@zone[0].network': 'wan\nwan6' }
  for (const [key, value] of Object.entries(firewall)) host.remember(`uci.firewall.${key}`, `${value}\n`)
})
afterEach(() => host.end())

describe("the WireGuard scripts for openwrt, in BusyBox's shell with its tools", () => {
  test('up sets the interface and its peer, puts it into the zone wan, and so a second time', async t => {
    if (!(await isReady(t))) return
    for (const _ of [1, 2]) {
      assert.match(run('up', { before: WITH_KEY }).stdout, /the tunnel works/)
      assert.deepEqual(options('freenet6', Object.keys(INTERFACE)), INTERFACE)
      assert.equal(host.recall('uci.network.freenet6_server'), 'wireguard_freenet6\n')
      assert.deepEqual(options('freenet6_server', Object.keys(PEER)), PEER)
      assert.equal(host.recall('uci.firewall.@zone[0].network'), 'wan\nwan6\nfreenet6\n')
    }
  })

  test('up commits the zone, then the interface, before it reloads, and then brings the interface up', async t => {
    if (!(await isReady(t))) return
    const order = [
      'uci commit firewall',
      'uci commit network',
      'network reload',
      'firewall reload',
      'ifup freenet6',
    ]
    const calls = run('up', { before: WITH_KEY }).calls.split('\n')
    assert.deepEqual(
      calls.filter(call => order.includes(call)),
      order,
    )
  })

  test('up hands no prefix to the router where the tunnel has none', () => {
    const values = { ...USUAL_WIREGUARD, routedPrefix: '', routedNetwork: '', routedAddress: '' }
    assert.doesNotMatch(renderWireguard('openwrt', 'up', values), /ip6prefix/)
  })

  test('down takes everything back but the key, and succeeds a second time', async t => {
    if (!(await isReady(t))) return
    run('up', { before: WITH_KEY })
    run('down')
    assert.equal(host.recall('uci.network.freenet6') + host.recall('uci.network.freenet6_server'), '')
    assert.equal(host.recall('uci.firewall.@zone[0].network'), 'wan\nwan6\n')
    assert.match(run('down').stdout, /nothing to undo/)
    assert.equal(host.read(KEY_FILE), `${PRIVATE_KEY}\n`)
  })

  test('after a new firmware, which keeps the configuration alone, up and down find the key there', async t => {
    if (!(await isReady(t))) return
    run('up', { before: WITH_KEY })
    const forget = `rm /etc/${KEY_FILE}\n`
    assert.match(run('up', { before: forget }).stdout, /the tunnel works/)
    run('down', { before: forget })
    assert.equal(host.read(KEY_FILE), `${PRIVATE_KEY}\n`)
    run('up')
  })

  test('up without a key, or with another one than was registered, changes nothing', async t => {
    if (!(await isReady(t))) return
    assert.match(run('up', { status: 1 }).stderr, /there is no private key/)
    const other = `/usr/bin/wg genkey > /etc/${KEY_FILE}\n`
    assert.match(run('up', { before: other, status: 1 }).stderr, /is not the one that was registered/)
    assert.equal(host.recall('uci.network.freenet6'), '')
  })

  test('up refuses where no zone wan would guard the tunnel', async t => {
    if (!(await isReady(t))) return
    host.remember('uci.firewall.@zone[0].name', 'outside\n')
    assert.match(run('up', { before: WITH_KEY, status: 1 }).stderr, /the firewall has no zone wan/)
    assert.equal(host.recall('uci.network.freenet6'), '')
  })

  test('up refuses, and down leaves alone, an interface of that name of another kind', async t => {
    if (!(await isReady(t))) return
    host.remember('uci.network.freenet6', 'interface\n')
    host.remember('uci.network.freenet6.proto', '6in4\n')
    for (const action of ['up', 'down'] as const) run(action, { before: WITH_KEY, status: 1 })
    assert.equal(host.recall('uci.network.freenet6.proto'), '6in4\n')
  })
})

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, ['busybox', 'wg'])
  t.skip(cannot('this needs root'))
  return false
}

interface Expected {
  readonly before?: string
  readonly status?: number
}

function run(action: 'up' | 'down', { before = '', status = 0 }: Expected = {}): HostRun {
  const ran = host.run(renderWireguard('openwrt', action), { before: `${SETTING}${before}` })
  assert.equal(ran.status, status, ran.stdout + ran.stderr)
  return ran
}

function options(section: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map(name => [name, host.recall(`uci.network.${section}.${name}`).trim()]))
}
