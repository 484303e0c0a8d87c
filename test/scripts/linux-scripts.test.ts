import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { type Command, cannot, requirePackages } from '../packages.ts'
import { LINUX_SYSTEMS, render, USUAL } from './render.ts'
import { type RunOptions, ScriptHost } from './script-host.ts'

const NEEDED: readonly Command[] = ['ip', 'ifup', 'netplan', 'nmcli', 'nft', 'ip6tables', 'systemd-analyze']
/** Systemd reads the files and says which lines it does not understand; it lives on until it is told to end. */
const NETWORKD =
  'SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console timeout 2 /lib/systemd/systemd-networkd 2>&1'
const COMPLAINT = /\.(?:netdev|network|service):.*/
const MADE = {
  linux: [],
  debian: ['network/interfaces.d/freenet6'],
  netplan: ['netplan/90-freenet6.yaml'],
  'systemd-networkd': ['systemd/network/50-freenet6.netdev', 'systemd/network/50-freenet6.network'],
  networkmanager: ['NetworkManager/system-connections/freenet6.nmconnection'],
} as const

/** The tools that would need a kernel with sit, a running systemd or a server: each writes its call down. */
const LINUX_TOOLS: Readonly<Record<string, string>> = {
  ip: `case "$*" in
  '-o -4 route get '*) echo "192.0.2.1 via 192.0.2.254 dev eth0 src $SOURCE uid 0" ;;
  '-o -4 addr show to '*) echo "2: eth0    inet $6 scope global eth0" | grep -F " $ADDRESS/" || true ;;
  'tunnel add '*) /usr/sbin/ip tuntap add dev "$3" mode tun ;;
  'tunnel del '*) /usr/sbin/ip link del dev "$3" ;;
  *) exec /usr/sbin/ip "$@" ;;
esac`,
  modprobe: ':',
  networkctl: ':',
  ping: ':',
  ping6: ':',
  systemctl: ':',
  ifdown: ':',
  ifup: 'exec /usr/sbin/ifup --no-act --verbose "$@" > "$STATE/ifup" 2>&1',
  netplan: '[ "$1" = apply ] || exec /usr/sbin/netplan "$@"',
  nmcli: `profile=/etc/NetworkManager/system-connections/freenet6.nmconnection
case "$*" in
  'connection add '*) mkdir -p "\${profile%/*}" && exec /usr/bin/nmcli --offline "$@" > "$profile" ;;
  'connection delete id freenet6') rm "$profile" ;;
  '--get-values connection.type connection show id freenet6') [ -e "$profile" ] && echo ip-tunnel || exit 10 ;;
  '--get-values connection.type connection show id '*) exit 10 ;;
esac`,
}

/** The directories that Debian's packages make, and an address that packets to the server leave from. */
const SETTING = `mkdir -p /run/network /run/systemd/network /etc/netplan /etc/network/interfaces.d
grep -qs interfaces.d /etc/network/interfaces || echo 'source /etc/network/interfaces.d/*' >> /etc/network/interfaces
/usr/sbin/ip link set lo up
export SOURCE=192.0.2.2 ADDRESS=192.0.2.2
`

/** Where cron and those who became root by a plain su look for programs. */
const SHORT_PATH = 'PATH=$STATE/bin:/usr/bin:/bin'

let host: ScriptHost

beforeEach(() => {
  host = new ScriptHost(LINUX_TOOLS)
})
afterEach(() => host.end())

describe('the file that up leaves', () => {
  test('is one that ifup reads: any local end, and the default route behind others', async t => {
    if (!(await isReady(t))) return
    up('debian')
    assert.match(
      host.recall('ifup'),
      /^ip tunnel add freenet6 mode sit remote 192\.0\.2\.1 local any +ttl 64$/m,
    )
    assert.match(host.recall('ifup'), /2001:db8:f6:1::2\/64/)
    assert.match(host.recall('ifup'), /route add ::\/0 via 2001:db8:f6:1::1 metric 2048 dev freenet6/)
    assert.match(host.recall('ifup'), /ip link set freenet6 mtu 1480/)
  })

  test('is one that netplan makes a sit tunnel of, which systemd-networkd takes', async t => {
    if (!(await isReady(t))) return
    const read = up('netplan', { after: `cat /run/systemd/network/*; ${NETWORKD}` }).stdout
    assert.match(read, /^Kind=sit$/m)
    assert.match(read, /^Local=0\.0\.0\.0\nRemote=192\.0\.2\.1\nTTL=64$/m)
    assert.match(read, /^Address=2001:db8:f6:1::2\/64$/m)
    assert.match(read, /^Destination=::\/0\nGateway=2001:db8:f6:1::1\nMetric=2048$/m)
    assertTakenByNetworkd(read)
  })

  test('is one that systemd-networkd takes without a word', async t => {
    if (!(await isReady(t))) return
    assertTakenByNetworkd(up('systemd-networkd', { after: NETWORKD }).stdout)
  })

  test('is one that nmcli makes of its own arguments', async t => {
    if (!(await isReady(t))) return
    up('networkmanager')
    const profile = host.read(MADE.networkmanager[0])
    assert.match(profile, /^\[ip-tunnel\]\nmode=3\nmtu=1480\nremote=192\.0\.2\.1\nttl=64$/m)
    assert.match(profile, /^address1=2001:db8:f6:1::2\/64,2001:db8:f6:1::1$/m)
    assert.match(profile, /^route-metric=2048$/m)
    assert.doesNotMatch(profile, /autoconnect=false/)
  })
})

for (const system of LINUX_SYSTEMS) {
  describe(`the scripts for ${system} on a host`, () => {
    test('up leaves its own files alone, the same ones after a second time', async t => {
      if (!(await isReady(t))) return
      for (const _ of [1, 2]) {
        assert.match(up(system).stdout, /the tunnel works/)
        assert.deepEqual(host.made, MADE[system])
      }
    })

    test('up --firewall closes the tunnel but for answers and ICMPv6, and a second time changes nothing', async t => {
      if (!(await isReady(t))) return
      const after = `nft list ruleset; ip link del freenet6 2> /dev/null; sh "$STATE/script" --firewall > /dev/null; nft list ruleset`
      const rules = up(system, { args: ['--firewall'], after }).stdout
      const [first, second] = rules.split(/^table ip6 freenet6 /m).slice(1)
      assert.match(first ?? '', /iifname "freenet6" jump from_tunnel/)
      assert.match(first ?? '', /ct state established,related accept\s+meta l4proto ipv6-icmp accept\s+drop/)
      assert.match(first ?? '', /oifname "freenet6" .*maxseg size set 1420/)
      assert.equal(first, second)
    })

    test('without --firewall up leaves the rules alone and says that the host is open', async t => {
      if (!(await isReady(t))) return
      const { stdout } = up(system, { after: 'nft list ruleset' })
      assert.match(stdout, /open to the whole IPv6 Internet/)
      assert.doesNotMatch(stdout, /^table/m)
    })

    test('a firewall that was asked for once lasts, whoever runs up again without the option', async t => {
      if (!(await isReady(t))) return
      for (const args of [['--firewall'], []]) {
        const { stdout } = up(system, { args, after: 'nft list ruleset' })
        assert.match(stdout, /the firewall lets in through freenet6/)
        assert.match(stdout, /^table ip6 freenet6 /m)
      }
    })

    test('another option is refused before anything is done', async t => {
      if (!(await isReady(t))) return
      const ran = run(render(system, 'up', USUAL), { args: ['--fire'] })
      assert.equal(ran.status, 1)
      assert.match(ran.stderr, /there is no option --fire/)
      assert.equal(ran.calls, '')
    })

    test('down takes everything back, the firewall too, and succeeds a second time', async t => {
      if (!(await isReady(t))) return
      const up_ = render(system, 'up', USUAL)
      const down = render(system, 'down', USUAL)
      const before = `cat > /run/up << 'SCRIPT'\n${up_}SCRIPT\nset +e\nsh /run/up --firewall; ip link del freenet6 2> /dev/null`
      for (const setting of [before, '']) {
        const ran = run(down, { before: `${setting}\n${SHORT_PATH}`, after: '/usr/sbin/nft list ruleset' })
        assert.equal(ran.status, 0, ran.stderr)
        assert.doesNotMatch(ran.stdout, /^table/m)
        assert.deepEqual(host.made, [])
      }
    })

    test('up names the address where the registered one is not the one that packets leave from', async t => {
      if (!(await isReady(t))) return
      const { stdout, calls } = up(system, { before: 'SOURCE=192.0.2.9' })
      assert.match(stdout, /the tunnel is bound to 192\.0\.2\.2/)
      const made = [calls, ...host.made.map(file => host.read(file))].join('\n')
      assert.match(made, /local[=: ]+192\.0\.2\.2\b/i)
    })
  })
}

test('the firewall for systemd is a unit that it takes', async t => {
  if (!(await isReady(t))) return
  const verify = 'systemd-analyze verify /etc/systemd/system/freenet6-firewall.service 2>&1 && echo verified'
  const { stdout } = up('systemd-networkd', { args: ['--firewall'], after: verify })
  assert.match(stdout, /^verified$/m)
  assert.doesNotMatch(stdout, COMPLAINT)
})

test('a firewall that was asked for is there after a restart too, as the notes have the tunnel come back by cron', async t => {
  if (!(await isReady(t))) return
  const after = '/usr/sbin/nft list ruleset'
  for (const args of [['--firewall'], []]) {
    const { stdout } = up('linux', { args, after, before: SHORT_PATH })
    assert.match(stdout, /^table ip6 freenet6 /m)
  }
  run(render('linux', 'down', USUAL), {})
  assert.doesNotMatch(up('linux', { after }).stdout, /^table/m)
})

test('rules that nft does not take are not asked for again by the next run', async t => {
  if (!(await isReady(t))) return
  for (const system of ['debian', 'netplan'] as const) {
    const args = ['--firewall']
    const before = `printf '#!/bin/sh\nexit 1\n' > /run/nft && chmod 755 /run/nft && mount --bind /run/nft /usr/sbin/nft`
    const refused = run(render(system, 'up', USUAL), { args, before })
    assert.match(refused.stderr, /nft does not take the rules/)
    assert.deepEqual([refused.status, host.made.includes('freenet6.nft')], [1, false])
    assert.match(up(system).stdout, /open to the whole IPv6 Internet/)
    up(system, { args })
    run(render(system, 'up', USUAL), { before }) // fails once, with the firewall that was there before
    assert.match(up(system).stdout, /the firewall lets in through freenet6/)
    run(render(system, 'down', USUAL), {})
  }
})

test('the firewall for systemd follows nftables.service, which removes every rule when it loads its own', async t => {
  if (!(await isReady(t))) return
  const { calls } = up('systemd-networkd', { args: ['--firewall'] })
  assert.match(calls, /enable freenet6-firewall\.service\n.*restart freenet6-firewall\.service/)
  const unit = host.read('systemd/system/freenet6-firewall.service')
  for (const line of ['After', 'PartOf', 'ReloadPropagatedFrom'])
    assert.match(unit, new RegExp(`^${line}=nftables\\.service$`, 'm'))
  assert.match(unit, /^ExecReload=\S*nft -f \/etc\/freenet6\.nft$/m)
  assert.match(unit, /^WantedBy=.* nftables\.service$/m)
})

test('systemd-networkd can read its files whatever the umask of root', async t => {
  if (!(await isReady(t))) return
  const after = 'stat -c %a /etc/systemd/network/50-freenet6.net*'
  assert.match(up('systemd-networkd', { before: 'umask 077', after }).stdout, /^644\n644$/m)
})

test('the undo says that cron still brings the tunnel back', async t => {
  if (!(await isReady(t))) return
  const line = '@reboot sleep 20; sh /root/freenet6-up.sh'
  const before = `printf '#!/bin/sh\\necho "${line}"\\n' > "$STATE/bin/crontab" && chmod 755 "$STATE/bin/crontab"`
  assert.match(run(render('linux', 'down', USUAL), { before }).stdout, /crontab still brings the tunnel back/)
})

test('up --firewall uses ip6tables where there is no nft, and down takes its chain back', async t => {
  if (!(await isReady(t))) return
  const before = 'mount --bind /dev/null /usr/sbin/nft'
  const down = render('linux', 'down', USUAL)
  const after = `ip6tables -S; cat > /run/down << 'SCRIPT'\n${down}SCRIPT\nip link del freenet6; sh /run/down; ip6tables -S`
  const { stdout } = up('linux', { args: ['--firewall'], before, after })
  const [first = '', second = ''] = stdout.split('freenet6: removing')
  assert.match(first, /^-A INPUT -i freenet6 -j FREENET6$/m)
  assert.match(first, /^-A FORWARD -i freenet6 -j FREENET6$/m)
  assert.match(
    first,
    /RELATED,ESTABLISHED -j ACCEPT\n-A FREENET6 -p ipv6-icmp -j ACCEPT\n-A FREENET6 -j DROP$/m,
  )
  assert.doesNotMatch(second, /FREENET6/)
})

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, NEEDED)
  t.skip(cannot('this needs root'))
  return false
}

function run(text: string, options: RunOptions) {
  return host.run(text, { ...options, before: `${SETTING}${options.before ?? ''}` })
}

function up(system: (typeof LINUX_SYSTEMS)[number], options: RunOptions = {}) {
  const ran = run(render(system, 'up', USUAL), options)
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  return ran
}

function assertTakenByNetworkd(log: string): void {
  assert.match(log, /^freenet6: loaded "sit"$/m, log)
  assert.doesNotMatch(log, COMPLAINT)
}
