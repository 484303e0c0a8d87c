/** Scripts that are stopped or fail half-way: the next run, or the undo, takes away what the first has left. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test'
import { type Command, cannot, requirePackages } from '../packages.ts'
import { PRIVATE_KEY, render, renderWireguard, USUAL } from './render.ts'
import { type HostRun, ScriptHost } from './script-host.ts'

const NEEDED: readonly Command[] = ['ip', 'ifup', 'netplan', 'nft', 'wg']
const KEY_FILE = 'wireguard/freenet6.key'
/** The directory of network interfaces lasts from run to run. */
const NET = '/sys/class/net/freenet6'
const MAKE = `mkdir -p ${NET} && echo 776 > ${NET}/type`
const MAKE_WIREGUARD = `${MAKE} && echo 65534 > ${NET}/type && echo DEVTYPE=wireguard > ${NET}/uevent`

/** Their package has been removed. */
const GONE = '[ ! -e "$STATE/without-wireguard-tools" ] || exit 127'

/** Tools that make and remove an interface by the files that they find; the others are the machine's. */
const TOOLS: Readonly<Record<string, string>> = {
  ip: `case "$*" in
  '-o -4 route get '*) echo "192.0.2.1 via 192.0.2.254 dev eth0 src 192.0.2.2 uid 0" ;;
  'tunnel del freenet6' | 'link del dev freenet6') /bin/rm -r ${NET} ;;
esac`,
  networkctl: `! grep -qs Kind=sit /etc/systemd/network/50-freenet6.netdev || { ${MAKE}; }
[ ! -e /etc/systemd/network/50-freenet6-wireguard.netdev ] || { ${MAKE_WIREGUARD}; }`,
  netplan: `[ "$1" = apply ] || exit 0
[ ! -e /etc/netplan/90-freenet6.yaml ] || { ${MAKE}; }
[ ! -e /etc/netplan/90-freenet6-wireguard.yaml ] || { ${MAKE_WIREGUARD}; }`,
  ifup: MAKE,
  ifdown: `/bin/rm -r ${NET}`,
  wg: `${GONE}
[ "$1" != show ] || { grep -qs 65534 ${NET}/type; exit; }
exec /usr/bin/wg "$@"`,
  nft: 'exec /usr/sbin/nft "$@"',
  rm: 'exec /bin/rm "$@"',
  systemctl: '[ "$2" != is-active ] || [ "$3" = systemd-networkd ]',
  cat: 'exec /bin/cat "$@"',
  mv: 'exec /bin/mv "$@"',
  'wg-quick': `${GONE}
hooks() { sed -n "s/^$1 = //p" /etc/wireguard/freenet6.conf | sh -e; }
case $1 in
  up) hooks PreUp && ${MAKE_WIREGUARD} ;;
  down) hooks PostDown && /bin/rm -r ${NET} ;;
esac`,
  nmcli: `profiles=/etc/NetworkManager/system-connections
case "$*" in
  'connection add '*) echo type=ip-tunnel > "$profiles/$6.nmconnection" ;;
  'connection up id freenet6') ${MAKE} ;;
  'connection up id freenet6-wireguard') ${MAKE_WIREGUARD} ;;
  'connection delete id '*) /bin/rm "$profiles/$4.nmconnection" && /bin/rm -rf ${NET} ;;
  '--get-values connection.type connection show id '*) [ -e "$profiles/$6.nmconnection" ] && sed -n 's/^type=//p' "$profiles/$6.nmconnection" || exit 10 ;;
esac`,
  modprobe: ':',
  ping: ':',
}
const SETTING = `mkdir -p "$STATE/net" /etc/netplan /etc/network/interfaces.d /etc/wireguard /etc/systemd/system /etc/NetworkManager/system-connections
mount --bind "$STATE/net" /sys/class/net
grep -qs interfaces.d /etc/network/interfaces || echo 'source /etc/network/interfaces.d/*' >> /etc/network/interfaces
(umask 077; echo '${PRIVATE_KEY}' > /etc/${KEY_FILE})
`
const CASES = [
  ['debian', 'sit'],
  ['netplan', 'sit'],
  ['netplan', 'wireguard'],
  ['systemd-networkd', 'sit'],
  ['systemd-networkd', 'wireguard'],
  ['linux', 'wireguard'],
  ['networkmanager', 'sit'],
  ['networkmanager', 'wireguard'],
] as const
/** What befalls a script at its calls of tools, in turn: a signal while one runs, or its failure. */
const TROUBLES = ['kill -HUP $PPID', 'exit 1']

let host: ScriptHost

beforeEach(() => {
  const troubled = Object.entries(TOOLS).map(([tool, body]) => [
    tool,
    `[ ! -e "$STATE/trouble" ] || . "$STATE/trouble"\n${body}`,
  ])
  host = new ScriptHost(Object.fromEntries(troubled))
})
afterEach(() => host.end())

for (const [system, kind] of CASES) {
  const scriptFor = (action: 'up' | 'down') =>
    kind === 'sit' ? render(system, action, USUAL) : renderWireguard(system, action)
  const up = () => assert.equal(run(scriptFor('up'), { args: ['--firewall'] }).status, 0)

  describe(`the undo of ${kind} for ${system}`, () => {
    test('that is stopped or fails at a call of a tool leaves nothing once it has run again', async t => {
      if (!(await isReady(t))) return
      up()
      assert.ok(host.has('net/freenet6'))
      for (const [place, call] of callsOf(run(scriptFor('down'))).entries()) {
        up()
        const trouble = TROUBLES[(place + (kind === 'sit' ? 0 : 1)) % TROUBLES.length] ?? ''
        const troubled = run(scriptFor('down'), { before: at(place, trouble) })
        if (host.has('net/freenet6')) assert.notEqual(troubled.status, 0, call)
        assertUndone(call)
      }
    })

    test('takes away what an apply that failed has left', async t => {
      if (!(await isReady(t))) return
      const calls = callsOf(run(scriptFor('up'), { args: ['--firewall'] }))
      for (const [place, call] of calls.entries()) {
        if (!/^(?:cat|mv|nft|netplan|nmcli|wg-quick) /.test(call)) continue
        assertUndone(call)
        run(scriptFor('up'), { args: ['--firewall'], before: at(place, 'exit 1') })
      }
      assertUndone('the last')
    })
  })

  function assertUndone(call: string): void {
    const undo = run(scriptFor('down'))
    assert.equal(undo.status, 0, `${call}\n${undo.stderr}`)
    assert.ok(!host.has('net/freenet6'), call)
    assert.deepEqual(
      host.made.filter(file => file.includes('freenet6')),
      [KEY_FILE],
      call,
    )
  }
}

async function isReady(t: TestContext): Promise<boolean> {
  if (process.getuid?.() === 0) return requirePackages(t, NEEDED)
  t.skip(cannot('this needs root'))
  return false
}

for (const [system, files] of [
  ['linux', []],
  ['debian', []],
  ['netplan', ['netplan/90-freenet6-wireguard.yaml']],
  [
    'systemd-networkd',
    ['systemd/network/50-freenet6-wireguard.netdev', 'systemd/network/50-freenet6-wireguard.network'],
  ],
] as const)
  test(`the undo of wireguard for ${system} needs none of WireGuard's tools, after a stop neither`, async t => {
    if (!(await isReady(t))) return
    assert.equal(run(renderWireguard(system, 'up')).status, 0)
    const before = `${files.map(file => `/bin/rm /etc/${file}\n`).join('')}touch "$STATE/without-wireguard-tools"\n`
    const undo = run(renderWireguard(system, 'down'), { before })
    assert.equal(undo.status, 0, undo.stdout + undo.stderr)
    assert.ok(!host.has('net/freenet6'))
  })

function run(text: string, options: { before?: string; args?: readonly string[] } = {}): HostRun {
  return host.run(text, { ...options, before: `${SETTING}${options.before ?? ''}` })
}

/** The calls of tools in a run that nothing befell. */
function callsOf(ran: HostRun): readonly string[] {
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  return ran.calls.trim().split('\n')
}

/** Has the trouble come at the call in that place. */
function at(place: number, trouble: string): string {
  const condition = `[ "$(/usr/bin/wc -l < "$STATE/calls")" != ${place + 1} ]`
  return `echo '${condition} || { /bin/rm "$STATE/trouble"; ${trouble}; }' > "$STATE/trouble"\n`
}
