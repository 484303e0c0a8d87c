/** Hosts that have had a tunnel of one kind, and get one of the other: neither's files and rules are the other's to take. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { type Command, cannot, requirePackages } from '../packages.ts'
import {
  LINUX_SYSTEMS,
  PRIVATE_KEY,
  render,
  renderWireguard,
  SYSTEMS,
  type System,
  USUAL,
  WIREGUARD_SYSTEMS,
} from './render.ts'
import { ScriptHost } from './script-host.ts'

const NEEDED: readonly Command[] = ['ip', 'ifup', 'netplan', 'nmcli', 'nft', 'wg']
const KEY_FILE = 'wireguard/freenet6.key'
const NETDEV = 'systemd/network/50-freenet6.netdev'
const NETWORK = 'systemd/network/50-freenet6.network'
const YAML = 'netplan/90-freenet6.yaml'
const CONNECTION = 'NetworkManager/system-connections/freenet6.nmconnection'

type Kind = 'sit' | 'wireguard'

/** A tunnel of the kernel's is a tun device here, and none if a daemon would make it. */
const TOOLS: Readonly<Record<string, string>> = {
  ip: `case "$*" in
  '-o -4 route get '*) echo "192.0.2.1 via 192.0.2.254 dev eth0 src 192.0.2.2 uid 0" ;;
  '-o -4 addr show to '*) echo "2: eth0    inet $6 scope global eth0" | grep -F " 192.0.2.2/" || true ;;
  'tunnel add '*) /usr/sbin/ip tuntap add dev "$3" mode tun ;;
  *) exec /usr/sbin/ip "$@" ;;
esac`,
  modprobe: ':',
  networkctl: ':',
  ping: ':',
  ping6: ':',
  ifup: ':',
  ifdown: ':',
  systemctl: '[ "$2" != is-active ] || [ "$3" = systemd-networkd ]',
  netplan: '[ "$1" = apply ] || exec /usr/sbin/netplan "$@"',
  'wg-quick': `hooks() { sed -n "s/^$1 = //p" /etc/wireguard/freenet6.conf | sh -e; }
case $1 in
  up) hooks PreUp ;;
  down) hooks PostDown ;;
esac`,
  nmcli: `profiles=/etc/NetworkManager/system-connections
case "$*" in
  'connection add '*) exec /usr/bin/nmcli --offline "$@" > "$profiles/$6.nmconnection" ;;
  'connection delete id '*) rm "$profiles/$4.nmconnection" ;;
  '--get-values connection.type connection show id '*) [ -e "$profiles/$6.nmconnection" ] && sed -n 's/^type=//p' "$profiles/$6.nmconnection" || exit 10 ;;
esac`,
}

const SETTING = `mkdir -p /run/network /run/systemd/network /etc/netplan /etc/network/interfaces.d /etc/wireguard /etc/NetworkManager/system-connections
grep -qs interfaces.d /etc/network/interfaces || echo 'source /etc/network/interfaces.d/*' >> /etc/network/interfaces
/usr/sbin/ip link set lo up
(umask 077; echo '${PRIVATE_KEY}' > /etc/${KEY_FILE})
`

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(TOOLS)
})
afterEach(() => host.end())

for (const system of LINUX_SYSTEMS) {
  describe(`two kinds of tunnel on ${system}`, () => {
    for (const [kept, undone] of [
      ['sit', 'wireguard'],
      ['wireguard', 'sit'],
    ] as const)
      test(`the undo of ${undone} leaves files and firewall of ${kept} as they are`, async t => {
        if (!(await isReady(t))) return
        const { stdout } = run(scriptOf(system, kept, 'up'), { args: ['--firewall'] })
        assert.match(stdout, /the tunnel works/)
        const files = host.made.map(file => [file, host.read(file)])
        const table = kept === 'sit' ? 'freenet6' : 'freenet6-wireguard'
        const rules = `echo 'table ip6 ${table} {}' | nft -f -\n`
        const undo = run(scriptOf(system, undone, 'down'), { before: rules, after: 'nft list tables' })
        assert.match(undo.stdout, new RegExp(`^table ip6 ${table}$`, 'm'))
        assert.deepEqual(
          host.made.map(file => [file, host.read(file)]),
          files,
        )
      })

    for (const kind of ['sit', 'wireguard'] as const)
      test(`${kind} changes nothing where an interface of that name is of another kind`, async t => {
        if (!(await isReady(t))) return
        const before = 'mount -t sysfs sys /sys; /usr/sbin/ip tuntap add dev freenet6 mode tun\n'
        const up = run(scriptOf(system, kind, 'up'), {
          args: ['--firewall'],
          before,
          after: 'nft list tables',
        })
        assert.equal(up.status, 1, up.stdout)
        assert.match(up.stderr, /there is an interface freenet6 that is (not|no) /)
        assert.doesNotMatch(up.stdout, /^table /m)
        assert.deepEqual(
          host.made.filter(file => file.includes('freenet6') && file !== KEY_FILE),
          [],
        )
      })
  })
}

/** What the first WireGuard scripts left: the names of the other kind's. */
const OLDER = {
  'systemd-networkd': {
    [NETDEV]: '# The WireGuard tunnel, written by its freenet6 script.\n[NetDev]\nKind=wireguard\n',
    [NETWORK]: '# The WireGuard tunnel, written by its freenet6 script.\n',
  },
  netplan: { [YAML]: 'network:\n  tunnels:\n    freenet6:\n      mode: wireguard\n' },
  networkmanager: { [CONNECTION]: '[connection]\nid=freenet6\ntype=wireguard\n' },
} as const
const OLDER_FIREWALL = ['freenet6.nft', 'systemd/system/freenet6-firewall.service'] as const
/** What the other kind leaves under the same names. */
const OTHERS = {
  'systemd-networkd': {
    [NETDEV]: '# The IPv6 tunnel, written by its freenet6 script.\n[NetDev]\nKind=sit\n',
    [NETWORK]: '# The IPv6 tunnel, written by its freenet6 script.\n',
  },
  netplan: { [YAML]: 'network:\n  tunnels:\n    freenet6:\n      mode: sit\n' },
  networkmanager: { [CONNECTION]: '[connection]\nid=freenet6\ntype=ip-tunnel\n' },
} as const

for (const system of ['systemd-networkd', 'netplan', 'networkmanager'] as const) {
  describe(`the files of an older WireGuard script on ${system}`, () => {
    const make = `mkdir -p /etc/systemd/network /etc/systemd/system\n${writing({ ...OLDER[system], 'freenet6.nft': '', [OLDER_FIREWALL[1]]: '' })}echo 'table ip6 freenet6 {}' | nft -f -\n`

    test('are taken away by the undo, with the firewall', async t => {
      if (!(await isReady(t))) return
      for (const before of [make, '']) {
        const ran = run(renderWireguard(system, 'down'), { before, after: 'nft list tables' })
        assert.equal(ran.status, 0, ran.stderr)
        assert.deepEqual(ownFiles(), [])
        assert.doesNotMatch(ran.stdout, /^table/m)
      }
    })

    test('are replaced by up under names of its own, and the firewall lasts', async t => {
      if (!(await isReady(t))) return
      const ran = run(renderWireguard(system, 'up'), { before: make, after: 'nft list tables' })
      assert.equal(ran.status, 0, ran.stderr)
      for (const file of ownFiles()) assert.match(file, /freenet6-wireguard/)
      assert.equal(ownFiles().length, Object.keys(OLDER[system]).length + OLDER_FIREWALL.length)
      assert.deepEqual(ran.stdout.match(/^table .*$/gm), ['table ip6 freenet6-wireguard'])
    })

    test('are nothing that the other kind takes: neither its script nor its undo', async t => {
      if (!(await isReady(t))) return
      for (const action of ['up', 'down'] as const) {
        const ran = run(render(system, action, USUAL), { before: make, after: 'nft list tables' })
        assert.equal(ran.status, 1, ran.stdout)
        assert.match(ran.stdout, /^table ip6 freenet6$/m)
        assert.deepEqual(ownFiles(), [...Object.keys(OLDER[system]), ...OLDER_FIREWALL].sort())
      }
    })
  })

  test(`a tunnel of the other kind on ${system} is in the way of WireGuard, and stays`, async t => {
    if (!(await isReady(t))) return
    const before = `mkdir -p /etc/systemd/network\n${writing(OTHERS[system])}`
    const up = run(renderWireguard(system, 'up'), { before })
    assert.equal(up.status, 1)
    assert.match(up.stderr, /of (tunnel|another kind): run its undo script first/)
    const down = run(renderWireguard(system, 'down'), { before })
    assert.equal(down.status, 0, down.stderr)
    assert.match(down.stdout, /nothing to undo/)
    for (const [file, text] of Object.entries(OTHERS[system])) assert.equal(host.read(file), text)
  })
}

for (const system of ['linux', 'debian'] as const)
  test(`the undo of protocol 41 on ${system} leaves the rules of an older WireGuard script`, async t => {
    if (!(await isReady(t))) return
    const before = `echo 'table ip6 freenet6 {}' > /etc/wireguard/freenet6.nft; nft -f /etc/wireguard/freenet6.nft\n`
    const ran = run(render(system, 'down', USUAL), { before, after: 'nft list tables' })
    assert.match(ran.stdout, /^table ip6 freenet6$/m)
  })

describe('pf, where both kinds have rules', () => {
  const PF = `[ "$*" != '-s info' ] || echo 'Status: Enabled for 1 days'`
  const rules = (device: string) => `block in quick on ${device} inet6\n`
  const lines = (name: string) => `anchor "${name}"\nload anchor "${name}" from "/etc/pf.${name}.conf"\n`

  for (const [system, device] of [
    ['freebsd', 'freenet6'],
    ['openbsd', 'wg0'],
  ] as const) {
    const down = (kind: Kind, before: string) => {
      const tools = {
        id: 'echo 0',
        uname: 'echo OpenBSD',
        pfctl: PF,
        ifconfig: 'exit 1',
        route: ':',
        sysrc: ':',
      }
      host = new ScriptHost(tools)
      const file = system === 'openbsd' ? `echo freenet6 > /etc/hostname.${device}\n` : ''
      const ran = host.run(scriptOf(system, kind, 'down'), { before: `${file}${before}` })
      assert.equal(ran.status, 0, ran.stderr)
    }
    const pf = (files: Readonly<Record<string, string>>, conf: string) =>
      writing({ ...files, 'pf.conf': conf })

    test(`each undo on ${system} takes its own`, async t => {
      if (!(await isReady(t))) return
      const conf = `# Made by freenet6.\n${lines('freenet6')}${lines('freenet6-wireguard')}`
      const both = pf(
        { 'pf.freenet6.conf': rules('gif0'), 'pf.freenet6-wireguard.conf': rules(device) },
        conf,
      )
      down('wireguard', both)
      assert.equal(host.read('pf.conf'), `# Made by freenet6.\n${lines('freenet6')}`)
      assert.equal(host.read('pf.freenet6.conf'), rules('gif0'))
      down('sit', both)
      assert.equal(host.read('pf.conf'), `# Made by freenet6.\n${lines('freenet6-wireguard')}`)
      assert.equal(host.read('pf.freenet6-wireguard.conf'), rules(device))
    })

    test(`rules of an older WireGuard script on ${system} go with WireGuard alone`, async t => {
      if (!(await isReady(t))) return
      const older = pf({ 'pf.freenet6.conf': rules(device) }, `pass\n${lines('freenet6')}`)
      down('sit', older)
      assert.equal(host.read('pf.freenet6.conf'), rules(device))
      assert.equal(host.read('pf.conf'), `pass\n${lines('freenet6')}`)
      down('wireguard', older)
      assert.ok(!host.made.includes('pf.freenet6.conf'))
      assert.equal(host.read('pf.conf'), 'pass\n')
    })
  }
})

describe('on every system that has both kinds', () => {
  /** Files that a script names, and what holds its rules. */
  const NAMES =
    /\/(?:etc|var\/run)\/[\w./-]*freenet6[\w.-]*|nft|(?<=readonly (?:TABLE|PF_ANCHOR)=)[\w./-]+|comment="[\w-]+"|FREENET6[\w-]*|filter rule \d+/g
  /** Of the user, and files that are asked for alone. */
  const COMMON = /\.key$|^nft$|OLDER/

  for (const system of SYSTEMS.filter(id => WIREGUARD_SYSTEMS.includes(id)))
    test(`${system}: what one writes is not what the other one writes`, () => {
      const written = (text: string) =>
        new Set(
          text
            .split('\n')
            .filter(line => !/^ *#|OLDER|WIREGUARD_|grep|remove \[find/.test(line))
            .flatMap(line => line.match(NAMES) ?? [])
            .filter(name => !COMMON.test(name)),
        )
      const [one, other] = [
        written(scriptOf(system, 'sit', 'up')),
        written(scriptOf(system, 'wireguard', 'up')),
      ]
      assert.deepEqual(
        [...one].filter(name => other.has(name)),
        [],
      )
    })
})

function scriptOf(system: System, kind: Kind, action: 'up' | 'down'): string {
  return kind === 'sit' ? render(system, action, USUAL) : renderWireguard(system, action)
}

/** Files below /etc that no other program of the host has. */
function ownFiles(): readonly string[] {
  return host.made.filter(file => file !== KEY_FILE && !file.startsWith('network/'))
}

/** Commands that write files below /etc. */
function writing(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([file, text]) => `cat > /etc/${file} << 'FILE'\n${text}FILE\n`)
    .join('')
}

function run(text: string, options: { args?: readonly string[]; before?: string; after?: string } = {}) {
  return host.run(text, { ...options, before: `${SETTING}${options.before ?? ''}` })
}

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, NEEDED)
  t.skip(cannot('this needs root'))
  return false
}
