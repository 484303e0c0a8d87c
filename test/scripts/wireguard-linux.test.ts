import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { type Command, cannot, requirePackages } from '../packages.ts'
import { PRIVATE_KEY, renderWireguard, WIREGUARD_FACTS } from './render.ts'
import { type HostRun, type RunOptions, ScriptHost } from './script-host.ts'

const NEEDED: readonly Command[] = ['ip', 'netplan', 'nmcli', 'nft', 'wg', 'systemd-analyze']
const SYSTEMS = ['linux', 'debian', 'systemd-networkd', 'netplan', 'networkmanager'] as const
const KEY_FILE = 'wireguard/freenet6.key'
const YAML = 'netplan/90-freenet6-wireguard.yaml'
const CONNECTION = 'NetworkManager/system-connections/freenet6-wireguard.nmconnection'
const MADE = {
  linux: ['wireguard/freenet6.conf'],
  debian: ['wireguard/freenet6.conf'],
  'systemd-networkd': [
    'systemd/network/50-freenet6-wireguard.netdev',
    'systemd/network/50-freenet6-wireguard.network',
  ],
  netplan: [YAML],
  networkmanager: [CONNECTION],
} as const

/**
 * The tools that would need a kernel with WireGuard, a running systemd or a server. NetworkManager's own reader says
 * whether it takes the connection, and writes down what it made of it.
 */
const TOOLS: Readonly<Record<string, string>> = {
  modprobe: ':',
  networkctl: ':',
  ping: ':',
  'wg-quick': `hooks() { sed -n "s/^$1 = //p" /etc/wireguard/freenet6.conf | sh -e; }
case $1 in
  up) hooks PreUp ;;
  down) hooks PostDown ;;
esac`,
  systemctl: '[ "$2" != is-active ] || [ "$3" = "$ACTIVE" ]',
  netplan: '[ "$1" = apply ] || exec /usr/sbin/netplan "$@"',
  nmcli: `profiles=/etc/NetworkManager/system-connections
case "$*" in
  "connection load "*) /usr/bin/nmcli --offline connection modify connection.autoconnect yes < "$3" > "$STATE/taken" ;;
  'connection delete id '*) rm "$profiles/$4.nmconnection" ;;
  '--get-values connection.type connection show id '*) [ -e "$profiles/$6.nmconnection" ] && sed -n 's/^type=//p' "$profiles/$6.nmconnection" || exit 10 ;;
esac`,
}

/** The directories that Debian's packages make. */
const SETTING = `mkdir -p /run/network /run/systemd/network /etc/netplan /etc/wireguard /etc/NetworkManager/system-connections
/usr/sbin/ip link set lo up
export ACTIVE=systemd-networkd
`
const WITH_KEY = `(umask 077; echo '${PRIVATE_KEY}' > /etc/${KEY_FILE})\n`

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(TOOLS)
})
afterEach(() => host.end())

describe('what up gives netplan', () => {
  test('becomes a WireGuard tunnel of systemd-networkd, which reads the key from its file', async t => {
    if (!(await isReady(t))) return
    const { stdout } = up('netplan', {
      after: `cat /run/systemd/network/*; stat -c '%a %G' /etc/${KEY_FILE}`,
    })
    assert.match(stdout, /^Kind=wireguard$/m)
    assert.match(stdout, /^PrivateKeyFile=\/etc\/wireguard\/freenet6\.key$/m)
    assert.match(stdout, /^640 systemd-network$/m)
    assertHas(stdout, [`PublicKey=${WIREGUARD_FACTS.serverPublicKey}`, 'AllowedIPs=::/0'])
    assertHas(stdout, ['Endpoint=192.0.2.1:51820', 'PersistentKeepalive=25', 'MTUBytes=1420'])
    assertHas(stdout, [
      'Address=2001:db8:f6:1::2/64',
      'Destination=::/0',
      'Gateway=2001:db8:f6:1::1',
      'Metric=2048',
    ])
    assert.ok(!stdout.includes(PRIVATE_KEY))
    assert.ok(!host.read(YAML).includes(PRIVATE_KEY))
  })

  test('becomes a connection of NetworkManager where that has the network, and leaves native IPv6 alone', async t => {
    if (!(await isReady(t))) return
    const after = `cd /run/NetworkManager/system-connections && stat -c %a * && cat *`
    const { stdout } = up('netplan', { before: `${WITH_KEY}ACTIVE=NetworkManager`, after })
    assert.match(stdout, /^600$/m)
    assertHas(stdout, [`private-key=${PRIVATE_KEY}`, 'ip6-auto-default-route=0', 'allowed-ips=::/0;'])
    assertHas(stdout, ['route1=::/0,2001:db8:f6:1::1,2048', 'address1=2001:db8:f6:1::2/64'])
    assert.match(stdout, /^\[ipv4\]\nmethod=disabled$/m)
  })

  test('is taken back if netplan refuses it', async t => {
    if (!(await isReady(t))) return
    const before = `${WITH_KEY}printf '#!/bin/sh\\nexit 1\\n' > "$STATE/bin/netplan"`
    const ran = run(renderWireguard('netplan', 'up'), { before })
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /netplan does not take the file/)
    assert.deepEqual(host.made, [KEY_FILE])
  })
})

for (const system of ['systemd-networkd', 'netplan'] as const) {
  test(`an up for ${system} that is refused leaves a key to systemd-networkd, which has it already, and to no other`, async t => {
    if (!(await isReady(t))) return
    const rights = () => run(':', { after: `stat -c '%a %G' /etc/${KEY_FILE}` }).stdout
    const noNft = `printf '#!/bin/sh\nexit 1\n' > /run/nft && chmod 755 /run/nft && mount --bind /run/nft /usr/sbin/nft`
    up(system)
    for (const before of [noNft, `chmod 666 /etc/${KEY_FILE}\n${noNft}`]) {
      const refused = run(renderWireguard(system, 'up'), { args: ['--firewall'], before })
      assert.match(refused.stderr, /nft does not take the rules/)
      assert.equal(rights(), '640 systemd-network\n')
    }
  })
}

describe('what up gives NetworkManager', () => {
  test('is a connection that it takes, IPv6 alone, behind every other default route', async t => {
    if (!(await isReady(t))) return
    const { stdout } = up('networkmanager', { after: `stat -c %a /etc/${CONNECTION}` })
    assert.match(stdout, /^600$/m)
    const taken = host.recall('taken')
    assertHas(taken, [`private-key=${PRIVATE_KEY}`, 'mtu=1420', 'ip6-auto-default-route=0'])
    assertHas(taken, [`[wireguard-peer.${WIREGUARD_FACTS.serverPublicKey}]`, 'endpoint=192.0.2.1:51820'])
    assertHas(taken, ['persistent-keepalive=25', 'allowed-ips=::/0;', 'address1=2001:db8:f6:1::2/64'])
    assert.match(taken, /^route-metric=2048$/m)
    assert.match(taken, /^\[ipv4\]\nmethod=disabled$/m)
  })

  test('is loaded before it is brought up, and made anew a second time', async t => {
    if (!(await isReady(t))) return
    const load = `nmcli connection load /etc/${CONNECTION}`
    const calls = (ran: HostRun) =>
      ran.calls.split('\n').filter(call => /connection (load|up|delete)/.test(call))
    assert.deepEqual(calls(up('networkmanager')), [load, 'nmcli connection up id freenet6-wireguard'])
    assert.deepEqual(calls(up('networkmanager')), [
      'nmcli connection delete id freenet6-wireguard',
      load,
      'nmcli connection up id freenet6-wireguard',
    ])
  })
})

test('the undo by wg-quick is whole where somebody else has removed every rule', async t => {
  if (!(await isReady(t))) return
  const down = `cat > /run/down << 'SCRIPT'\n${renderWireguard('linux', 'down')}SCRIPT\nsh /run/down`
  const ownView = 'umount /sys; mount -t sysfs sysfs /sys && /usr/sbin/ip tuntap add dev freenet6 mode tun'
  const after = `nft flush ruleset; ${ownView}; ${down}`
  assert.match(up('linux', { args: ['--firewall'], after }).stdout, /the tunnel is removed/)
  assert.deepEqual(host.made, [KEY_FILE])
})

for (const system of SYSTEMS) {
  describe(`the WireGuard scripts for ${system} on a host`, () => {
    test('up, down, up again: the key stays, and everything else goes and comes', async t => {
      if (!(await isReady(t))) return
      for (const _ of [1, 2]) {
        assert.match(up(system).stdout, /the tunnel works/)
        assert.deepEqual(host.made, [...MADE[system], KEY_FILE].sort())
        const kept = MADE[system].map(file => host.read(file))
        up(system, { before: '' })
        assert.deepEqual(
          MADE[system].map(file => host.read(file)),
          kept,
        )
        for (const _ of [1, 2]) assert.equal(run(renderWireguard(system, 'down')).status, 0)
        assert.deepEqual(host.made, [KEY_FILE])
        assert.equal(host.read(KEY_FILE), `${PRIVATE_KEY}\n`)
      }
    })

    test('up closes a key that all could read', async t => {
      if (!(await isReady(t))) return
      const readable = `${WITH_KEY}chmod 644 /etc/${KEY_FILE}\nACTIVE=NetworkManager\n`
      const mode = system === 'systemd-networkd' ? '640' : '600'
      assert.match(
        up(system, { before: readable, after: `stat -c %a /etc/${KEY_FILE}` }).stdout,
        new RegExp(`^${mode}$`, 'm'),
      )
    })

    test('up without a key, or with another one than was registered, says which belongs there and makes nothing', async t => {
      if (!(await isReady(t))) return
      const other = `wg genkey > /etc/${KEY_FILE}`
      for (const [before, words] of [
        [':', /there is no private key/],
        [other, /is not the one that was registered/],
      ] as const) {
        const ran = run(renderWireguard(system, 'up'), { before })
        assert.equal(ran.status, 1)
        assert.match(ran.stderr, words)
        assert.deepEqual(
          host.made.filter(file => file !== KEY_FILE),
          [],
        )
      }
    })

    test('up --firewall closes the tunnel but for answers and ICMPv6, and down opens it', async t => {
      if (!(await isReady(t))) return
      const down = `cat > /run/down << 'SCRIPT'\n${renderWireguard(system, 'down')}SCRIPT\nsh /run/down; nft list ruleset`
      const { stdout } = up(system, { args: ['--firewall'], after: `nft list ruleset; ${down}` })
      const [before = '', after = ''] = stdout.split('the tunnel is removed')
      assert.match(before, /iifname "freenet6" jump from_tunnel/)
      assert.match(before, /ct state established,related accept\s+meta l4proto ipv6-icmp accept\s+drop/)
      assert.match(before, /oifname "freenet6" .*maxseg size set 1360/)
      assert.doesNotMatch(after, /^table/m)
      assert.deepEqual(host.made, [KEY_FILE])
    })

    test('up a second time keeps the firewall that was asked for once', async t => {
      if (!(await isReady(t))) return
      const again = `cat > /run/up << 'SCRIPT'\n${renderWireguard(system, 'up')}SCRIPT\nsh /run/up > /dev/null`
      const { stdout } = up(system, { args: ['--firewall'], after: `${again}; nft list ruleset` })
      assert.match(stdout, /^table ip6 freenet6-wireguard /m)
    })

    test('without --firewall up leaves the rules alone and says that the host is open', async t => {
      if (!(await isReady(t))) return
      const { stdout } = up(system, { after: 'nft list ruleset' })
      assert.match(stdout, /open to the whole IPv6 Internet/)
      assert.doesNotMatch(stdout, /^table/m)
    })
  })
}

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, NEEDED)
  t.skip(cannot('this needs root'))
  return false
}

function run(text: string, options: RunOptions = {}): HostRun {
  return host.run(text, { ...options, before: `${SETTING}${options.before ?? ''}` })
}

/** Runs up on a host that has the key. */
function up(system: (typeof SYSTEMS)[number], options: RunOptions = {}): HostRun {
  const ran = run(renderWireguard(system, 'up'), { before: WITH_KEY, ...options })
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  return ran
}

function assertHas(text: string, lines: readonly string[]): void {
  const there = text.split('\n')
  for (const line of lines) assert.ok(there.includes(line), `${line} in\n${text}`)
}
