import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { cannot, requirePackages } from '../packages.ts'
import { render, USUAL } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'
import { UCI } from './uci.ts'

const TOOLS = { uci: UCI, ifup: ':', ifdown: ':', ping6: ':' } as const
/** OpenWrt's shell and tools are BusyBox's; the package 6in4 is there, and both services can be told to reload. */
const SETTING = `mkdir -p /run/upper /run/work /run/busybox /etc/init.d
mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/run/upper,workdir=/run/work /usr/lib
mkdir -p /lib/netifd/proto && : > /lib/netifd/proto/6in4.sh
busybox --install -s /run/busybox
for service in network firewall; do
  printf '#!/bin/sh\\necho "%s $*" >> "$STATE/calls"\\n' $service > /etc/init.d/$service
  chmod 755 /etc/init.d/$service
done
PATH=$STATE/bin:/run/busybox
`

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(TOOLS)
  const firewall = {
    '@rule[0]': 'rule',
    '@rule[0].name': 'wan',
    '@zone[0]': 'zone',
    '@zone[0].name': 'lan',
    '@zone[1]': 'zone',
    '@zone[1].name': 'wan',
    '@zone[1].network': 'wan\nwan6',
  }
  for (const [key, value] of Object.entries(firewall)) host.remember(`uci.firewall.${key}`, `${value}\n`)
})
afterEach(() => host.end())

describe("the scripts for openwrt, in BusyBox's shell with its tools", () => {
  test('up sets the interface, puts it into the zone wan, and so a second time', async t => {
    if (!(await isReady(t))) return
    for (const _ of [1, 2]) {
      assert.match(run('up').stdout, /the tunnel works/)
      assert.deepEqual(interfaceOptions(), {
        proto: '6in4',
        peeraddr: '192.0.2.1',
        ip6addr: '2001:db8:f6:1::2/64',
        mtu: '1480',
        ttl: '64',
      })
      assert.equal(host.recall('uci.firewall.@zone[1].network'), 'wan\nwan6\nfreenet6\n')
    }
  })

  test('up commits the zone, then the interface, before it reloads, and then brings the interface up', async t => {
    if (!(await isReady(t))) return
    const calls = run('up').calls.split('\n')
    const order = [
      'uci commit firewall',
      'uci commit network',
      'network reload',
      'firewall reload',
      'ifup freenet6',
    ]
    assert.deepEqual(
      calls.filter(call => order.includes(call)),
      order,
    )
  })

  test('down takes everything back, and succeeds a second time', async t => {
    if (!(await isReady(t))) return
    run('up')
    run('down')
    assert.equal(host.recall('uci.network.freenet6'), '')
    assert.deepEqual(interfaceOptions(), {})
    assert.equal(host.recall('uci.firewall.@zone[1].network'), 'wan\nwan6\n')
    assert.match(run('down').stdout, /nothing to undo/)
  })

  test('up takes apart a zone whose networks are one string, and down leaves them so', async t => {
    if (!(await isReady(t))) return
    host.remember('uci.firewall.@zone[1].network', 'wan wan6\n')
    run('up')
    assert.equal(host.recall('uci.firewall.@zone[1].network'), 'wan\nwan6\nfreenet6\n')
    run('down')
    assert.equal(host.recall('uci.firewall.@zone[1].network'), 'wan\nwan6\n')
  })

  test('up refuses where no zone wan would guard the tunnel', async t => {
    if (!(await isReady(t))) return
    host.remember('uci.firewall.@zone[1].name', 'outside\n')
    assert.match(run('up', 1).stderr, /the firewall has no zone wan/)
  })

  test('up refuses, and down leaves alone, an interface of that name of another kind', async t => {
    if (!(await isReady(t))) return
    host.remember('uci.network.freenet6', 'interface\n')
    host.remember('uci.network.freenet6.proto', 'static\n')
    for (const action of ['up', 'down'] as const) run(action, 1)
    assert.equal(host.recall('uci.network.freenet6.proto'), 'static\n')
  })
})

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, ['busybox'])
  t.skip(cannot('this needs root'))
  return false
}

function run(action: 'up' | 'down', status = 0): HostRun {
  const ran = host.run(render('openwrt', action, USUAL), { before: SETTING })
  assert.equal(ran.status, status, ran.stdout + ran.stderr)
  return ran
}

function interfaceOptions(): Record<string, string> {
  const options = ['proto', 'peeraddr', 'ip6addr', 'mtu', 'ttl', 'ipaddr', 'username', 'password', 'tunnelid']
  const values = options.map(option => [option, host.recall(`uci.network.freenet6.${option}`).trim()])
  return Object.fromEntries(values.filter(([, value]) => value !== ''))
}
