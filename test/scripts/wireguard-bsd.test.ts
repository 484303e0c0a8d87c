import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { requirePackages } from '../packages.ts'
import { BSD_WIREGUARD_TOOLS, CLOSED } from './bsd-tools.ts'
import { PRIVATE_KEY, PUBLIC_KEY, renderWireguard, USUAL_WIREGUARD, WIREGUARD_FACTS } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'

const KEY_FILE = 'wireguard/freenet6.key'
const WITH_KEY = `(umask 077; echo '${PRIVATE_KEY}' > /etc/${KEY_FILE})\n`
const OWNERS_RULES = 'set skip on lo\nblock return\npass\n'

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(BSD_WIREGUARD_TOOLS)
})
afterEach(() => host.end())

describe('the WireGuard scripts for openbsd', () => {
  const FILE = 'hostname.wg0'

  test('up makes the tunnel with what the system has, the peer last', async t => {
    if (!(await isReady(t))) return
    const { stdout, calls } = run('openbsd', 'up')
    assert.match(stdout, /the tunnel works/)
    assertInOrder(calls, [
      'ifconfig wg0 create',
      `ifconfig wg0 wgkey ${PRIVATE_KEY}`,
      'ifconfig wg0 mtu 1420 up',
      'ifconfig wg0 inet6 2001:db8:f6:1::2 prefixlen 64',
      `ifconfig wg0 wgpeer ${WIREGUARD_FACTS.serverPublicKey} wgendpoint 192.0.2.1 51820 wgpka 25 wgaip ::/0`,
      'route -n add -inet6 default 2001:db8:f6:1::1',
      'ping6 -c 1 2001:db8:f6:1::1',
    ])
  })

  test('up leaves the same in the file that is read at start, for root alone, and so a second time', async t => {
    if (!(await isReady(t))) return
    for (const _ of [1, 2]) {
      const { stdout } = run('openbsd', 'up', { after: `stat -c %a /etc/${FILE}` })
      assert.match(stdout, /^600$/m)
      assert.deepEqual(host.read(FILE).trimEnd().split('\n').slice(1), [
        `wgkey ${PRIVATE_KEY}`,
        'mtu 1420',
        'up',
        'inet6 2001:db8:f6:1::2 64',
        `wgpeer ${WIREGUARD_FACTS.serverPublicKey} wgendpoint 192.0.2.1 51820 wgpka 25 wgaip ::/0`,
        '!route -n add -inet6 default 2001:db8:f6:1::1',
      ])
    }
  })

  test('up leaves a default route that is there already, at the next start too', async t => {
    if (!(await isReady(t))) return
    host.remember('default6', '    gateway: fe80::1%em0\n')
    const { stdout, calls } = run('openbsd', 'up')
    assert.match(stdout, /left as it is/)
    assert.doesNotMatch(calls, /route -n add/)
    assert.doesNotMatch(host.read(FILE), /^!route/m)
  })

  test('another pair of addresses takes the default route of the one before with it', async t => {
    if (!(await isReady(t))) return
    run('openbsd', 'up')
    const other = { ...USUAL_WIREGUARD, ipv6Server: '2001:db8:f6:2::1', ipv6Client: '2001:db8:f6:2::2' }
    const { stdout } = host.run(renderWireguard('openbsd', 'up', other), { before: 'export KERNEL=OpenBSD' })
    assert.doesNotMatch(stdout, /left as it is/)
    assert.match(host.recall('default6'), /gateway: 2001:db8:f6:2::1$/m)
    assert.match(host.read(FILE), /^!route -n add -inet6 default 2001:db8:f6:2::1$/m)
  })

  test('another key than was registered is named, and nothing stays', async t => {
    if (!(await isReady(t))) return
    const before = `wg=/usr/bin/wg; $wg genkey > /etc/${KEY_FILE}\n`
    const ran = run('openbsd', 'up', { before, args: ['--firewall'], status: 1 })
    assert.ok(ran.stderr.includes(`its public key must be ${PUBLIC_KEY}`))
    assertInOrder(ran.calls, ['ifconfig wg0 destroy'])
    assert.doesNotMatch(ran.calls, /wgpeer |pfctl/)
    assert.deepEqual(host.made, [KEY_FILE])
  })

  test('what stops up half-way leaves no wg0, and up can be run again', async t => {
    if (!(await isReady(t))) return
    host.write('pf.conf', OWNERS_RULES)
    assert.match(run('openbsd', 'up', { args: ['--firewall'], status: 1 }).stderr, /pf is off/)
    assert.equal(
      run('openbsd', 'up', { after: 'ls "$STATE"', args: ['--firewall'], status: 1 }).stdout.includes(
        'wg0\n',
      ),
      false,
    )
    host.remember('pf', '')
    assert.match(run('openbsd', 'up', { args: ['--firewall'] }).stdout, /the tunnel works/)
    run('openbsd', 'down')
    assert.equal(host.read('pf.conf'), OWNERS_RULES)
  })

  test('a signal that ends up leaves no wg0', async t => {
    if (!(await isReady(t))) return
    host.remember('is-ended', '')
    assertInOrder(run('openbsd', 'up', { status: 1 }).calls, ['ifconfig wg0 destroy'])
  })

  test('up refuses a wg0 that is not from it, and down leaves it alone', async t => {
    if (!(await isReady(t))) return
    host.remember('wg0', '')
    assert.match(run('openbsd', 'up', { status: 1 }).stderr, /there is an interface wg0 already/)
    host.write(FILE, 'wgkey x\n')
    assert.match(run('openbsd', 'up', { status: 1 }).stderr, /is not from this script/)
    assert.match(run('openbsd', 'down').stdout, /nothing to undo/)
    assert.equal(host.read(FILE), 'wgkey x\n')
  })

  test("--firewall keeps the owner's rules, and down takes back everything but the key", async t => {
    if (!(await isReady(t))) return
    host.remember('pf', '')
    host.write('pf.conf', OWNERS_RULES)
    for (const args of [['--firewall'], []])
      assert.match(run('openbsd', 'up', { args }).stdout, /the firewall lets in through wg0/)
    assert.equal(host.recall('rules'), CLOSED('wg0'))
    const { calls } = run('openbsd', 'down')
    assertInOrder(calls, ['route -n delete -inet6 default 2001:db8:f6:1::1', 'ifconfig wg0 destroy'])
    assert.equal(host.read('pf.conf'), OWNERS_RULES)
    assert.deepEqual(host.made, ['pf.conf', KEY_FILE])
    assert.match(run('openbsd', 'down').stdout, /nothing to undo/)
    assert.match(run('openbsd', 'up', { before: '' }).stdout, /the tunnel works/)
  })
})

describe('the WireGuard scripts for freebsd', () => {
  /** The key lies outside /etc there. */
  const WITH_LOCAL_KEY = `mkdir -p /run/upper /run/work && mount -t overlay overlay -o lowerdir=/usr/local,upperdir=/run/upper,workdir=/run/work /usr/local
mkdir -p /usr/local/etc/wireguard && echo '${PRIVATE_KEY}' > /usr/local/etc/wireguard/freenet6.key\n`
  const up = (args: readonly string[] = []) => run('freebsd', 'up', { before: WITH_LOCAL_KEY, args })

  test('up makes the interface, its address and the default route', async t => {
    if (!(await isReady(t))) return
    const { stdout, calls } = up()
    assert.match(stdout, /open to the whole IPv6 Internet/)
    assert.match(stdout, /the tunnel works/)
    assertInOrder(calls, [
      'ifconfig wg create name freenet6',
      'ifconfig freenet6 inet6 2001:db8:f6:1::2 prefixlen 64 mtu 1420 up',
      'route -6 -n add default -interface freenet6',
    ])
    assert.doesNotMatch(calls, /pfctl/)
  })

  test("--firewall keeps the owner's rules, and down takes ours back", async t => {
    if (!(await isReady(t))) return
    host.remember('pf', '')
    host.write('pf.conf', OWNERS_RULES)
    for (const args of [['--firewall'], []])
      assert.match(up(args).stdout, /the firewall lets in through freenet6/)
    assert.equal(host.recall('rules'), CLOSED('freenet6'))
    assertInOrder(run('freebsd', 'down').calls, ['ifconfig freenet6 destroy', 'pfctl -f /etc/pf.conf'])
    assert.equal(host.read('pf.conf'), OWNERS_RULES)
    assert.match(run('freebsd', 'down').stdout, /nothing to undo/)
  })

  test('pf is turned on where there are no rules at all, and off again', async t => {
    if (!(await isReady(t))) return
    up(['--firewall'])
    assert.equal(host.recall('rules'), CLOSED('freenet6'))
    assert.equal(host.recall('rc.pf_enable'), 'YES\n')
    assertInOrder(run('freebsd', 'down').calls, ['pfctl -d', 'sysrc -x pf_enable'])
    assert.ok(!host.made.includes('pf.conf'))
  })
})

describe('the WireGuard scripts for macos', () => {
  const CONF = 'wireguard/freenet6.conf'

  test('up gives wg-quick a file without the key, and sets the default route itself', async t => {
    if (!(await isReady(t))) return
    const { stdout, calls } = run('macos', 'up', { after: `stat -c %a /etc/${CONF}` })
    assert.match(stdout, /the tunnel works/)
    assert.match(stdout, /^600$/m)
    assertInOrder(calls, [
      'wg-quick up /etc/wireguard/freenet6.conf',
      'wg set utun4 private-key /etc/wireguard/freenet6.key',
      'route -n add -inet6 default -interface utun4',
      'ping6 -c 1 2001:db8:f6:1::1',
    ])
    assert.doesNotMatch(calls, /pfctl/)
    const conf = host.read(CONF)
    assert.ok(!conf.includes(PRIVATE_KEY))
    assert.match(conf, /^Address = 2001:db8:f6:1::2\/64\nMTU = 1420\nTable = off$/m)
    assert.match(conf, /^Endpoint = 192\.0\.2\.1:51820\nAllowedIPs = ::\/0\nPersistentKeepalive = 25$/m)
  })

  test('up a second time takes the first one down, and leaves the same file', async t => {
    if (!(await isReady(t))) return
    run('macos', 'up')
    const first = host.read(CONF)
    const before = 'mkdir -p /var/run/wireguard && echo utun4 > /var/run/wireguard/freenet6.name\n'
    assertInOrder(run('macos', 'up', { before }).calls, [
      'wg-quick down /etc/wireguard/freenet6.conf',
      'wg-quick up /etc/wireguard/freenet6.conf',
    ])
    assert.equal(host.read(CONF), first)
  })

  test('up leaves a default route that is there already', async t => {
    if (!(await isReady(t))) return
    host.remember('default6', '  interface: en0\n')
    const { stdout, calls } = run('macos', 'up')
    assert.match(stdout, /the default route for IPv6 by en0 is left as it is/)
    assert.doesNotMatch(calls, /add -inet6 default/)
  })

  test('up without wireguard-tools says where they are to be had', async t => {
    if (!(await isReady(t))) return
    const before = `rm "$STATE/bin/wireguard-go"; mount --bind /dev/null /usr/bin/wireguard-go 2> /dev/null || true\n`
    assert.match(run('macos', 'up', { before, status: 1 }).stderr, /brew install wireguard-tools/)
  })

  test('--firewall closes the tunnel before it has its key, lasts until the undo, and goes with it', async t => {
    if (!(await isReady(t))) return
    const { calls } = run('macos', 'up', { args: ['--firewall'] })
    assertInOrder(calls, [
      'pfctl -E',
      'pfctl -a com.apple/freenet6-wireguard -D tunnel=utun4 -f /etc/wireguard/freenet6.pf',
      'wg set utun4 private-key /etc/wireguard/freenet6.key',
    ])
    assert.equal(host.recall('rules'), CLOSED('utun4'))
    assert.match(run('macos', 'up').stdout, /the firewall lets in through freenet6/)
    run('macos', 'down', {
      before: 'mkdir -p /var/run/wireguard && echo utun4 > /var/run/wireguard/freenet6.name\n',
    })
    assert.equal(host.recall('rules'), '')
    assert.deepEqual(host.made, [KEY_FILE])
    assert.match(run('macos', 'down').stdout, /nothing to undo/)
  })
})

for (const system of ['openbsd', 'macos'] as const)
  test(`up for ${system} refuses another system`, async t => {
    if (!(await isReady(t))) return
    const ran = run(system, 'up', { before: 'KERNEL=Linux\n', status: 1 })
    assert.match(ran.stderr, /there are others for other systems/)
  })

test('pf that can not be turned on for macOS is said to be so, and nothing is made', async t => {
  if (!(await isReady(t))) return
  host.remember('no-pf', '')
  const { stderr, calls } = run('macos', 'up', { args: ['--firewall'], status: 1 })
  assert.match(stderr, /pf can not be turned on/)
  assert.doesNotMatch(calls, /wg-quick up/)
  assert.deepEqual(host.made, [KEY_FILE])
  assert.match(run('macos', 'up').stdout, /open to the whole IPv6 Internet/)
})

test('an apply for macOS that ends before its configuration is taken back by the undo', async t => {
  if (!(await isReady(t))) return
  const before = `${WITH_KEY}echo block > /etc/wireguard/freenet6.pf; echo 4711 > /var/run/freenet6-wireguard.pf\n`
  assertInOrder(run('macos', 'down', { before }).calls, ['pfctl -X 4711'])
  assert.deepEqual(host.made, [KEY_FILE])
})

for (const [system, file] of [
  ['openbsd', 'hostname.wg0'],
  ['macos', 'wireguard/freenet6.conf'],
] as const)
  test(`a file that is written half-way is not read at the next start of ${system}, and goes with the undo`, async t => {
    if (!(await isReady(t))) return
    const catStops = `printf '#!/bin/sh\n[ $# = 0 ] || exec /usr/bin/cat "$@"; head -n 1; exit 1\n' > "$STATE/bin/cat"\nchmod 755 "$STATE/bin/cat"\n`
    run(system, 'up', { before: `${WITH_KEY}${catStops}`, status: 1 })
    assert.ok(!host.made.includes(file))
    run(system, 'down', { before: 'rm "$STATE/bin/cat"\n' })
    assert.deepEqual(host.made, [KEY_FILE])
  })

const isReady = (t: TestContext) => requirePackages(t, ['wg'])

interface Expected {
  readonly args?: readonly string[]
  readonly before?: string
  readonly after?: string
  readonly status?: number
}

function run(
  system: 'openbsd' | 'freebsd' | 'macos',
  action: 'up' | 'down',
  expected: Expected = {},
): HostRun {
  const { before = WITH_KEY, status = 0, ...options } = expected
  const kernel = { openbsd: 'OpenBSD', freebsd: 'FreeBSD', macos: 'Darwin' }[system]
  const setting = `mkdir -p /etc/wireguard; export KERNEL=${kernel}\n`
  const ran = host.run(renderWireguard(system, action), { ...options, before: `${setting}${before}` })
  assert.equal(ran.status, status, ran.stdout + ran.stderr)
  return ran
}

function assertInOrder(calls: string, expected: readonly string[]): void {
  const lines = calls.split('\n').filter(line => expected.includes(line))
  assert.deepEqual(lines, expected, calls)
}
