/** A client whose scripts run unmodified in the lab's guest, with the tools that the guest lacks as stand-ins. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { render, type System, USUAL } from '../scripts/render.ts'
import { UCI } from '../scripts/uci.ts'
import { type Host, type Outcome, runQuietly } from './narrator.ts'

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const STAND_INS = '/run/stand-ins'
const BUSYBOX = '/run/busybox'
/** Starts systemd-networkd anew in the client's network; a read-only /sys tells it that no udev will speak. */
const NETWORKD = `[ ! -e /run/networkd.pid ] || { kill "$(cat /run/networkd.pid)" 2> /dev/null; sleep 1; }
mount -o remount,ro /sys
setsid /lib/systemd/systemd-networkd > /run/networkd.log 2>&1 < /dev/null &
echo $! > /run/networkd.pid`
const TOOLS: Readonly<Record<string, string>> = {
  systemctl: ':',
  networkctl: NETWORKD,
  netplan: `/usr/sbin/netplan generate\n[ "$1" != apply ] || {\n${NETWORKD}\n}`,
  uci: `STATE=/run/uci\n${UCI}`,
  wg: 'exec /usr/bin/wg "$@"',
  ifup: `uci() { ${STAND_INS}/uci get "network.$interface.$1"; }
interface=$1
ip link del "$interface" 2> /dev/null || true
[ "$(uci proto)" != wireguard ] || exec ${STAND_INS}/ifup-wireguard "$interface"
ip tunnel add "$interface" mode "$(uci proto | sed s/6in4/sit/)" remote "$(uci peeraddr)" local 192.0.2.2 ttl "$(uci ttl)"
ip link set "$interface" mtu "$(uci mtu)" up
ip -6 addr add "$(uci ip6addr)" dev "$interface"
ip -6 route add default dev "$interface"`,
  'ifup-wireguard': `uci() { ${STAND_INS}/uci get "network.$interface$1"; }
interface=$1
uci .private_key > /run/uci/private-key
ip link add "$interface" type wireguard
wg set "$interface" private-key /run/uci/private-key peer "$(uci _server.public_key)" \
  endpoint "$(uci _server.endpoint_host):$(uci _server.endpoint_port)" allowed-ips "$(uci _server.allowed_ips)" \
  persistent-keepalive "$(uci _server.persistent_keepalive)"
ip link set "$interface" mtu "$(uci .mtu)" up
ip -6 addr add "$(uci .addresses)" dev "$interface"
[ "$(uci _server.route_allowed_ips)" != 1 ] || ip -6 route add default dev "$interface" metric "$(uci .metric)"`,
  ifdown: 'ip link del "$1"',
}

/** A host beyond the broker. */
export const INTERNET = '2001:db8:ffff::80'
/** The directories in which OpenWrt finds its commands. */
export const BUSYBOX_PATH = `${STAND_INS}:${BUSYBOX}`

/** Makes the network, the broker's end of a sit tunnel by hand, and an /etc of the guest's own. */
export function makeWorld(): void {
  makeHosts()
  must(
    'ip',
    '-n',
    'broker',
    'tunnel',
    'add',
    'fn6-1',
    'mode',
    'sit',
    'remote',
    '192.0.2.2',
    'local',
    '192.0.2.1',
  )
  must('ip', '-n', 'broker', 'link', 'set', 'fn6-1', 'up')
  must('ip', '-n', 'broker', '-6', 'addr', 'add', `${USUAL.ipv6Server}/64`, 'dev', 'fn6-1')
}

/** Makes the network without any tunnel, and an /etc of the guest's own: its root is the machine's. */
export function makeHosts(): void {
  must('sh', TOPOLOGY)
  must('ip', 'netns', 'exec', 'broker', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
  must('cp', '-a', '/etc', '/run/etc')
  must('mount', '--bind', '/run/etc', '/etc')
  makeStandIns()
}

function makeStandIns(): void {
  mkdirSync(STAND_INS)
  for (const [tool, body] of Object.entries(TOOLS))
    writeFileSync(join(STAND_INS, tool), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  mkdirSync(BUSYBOX)
  must('busybox', '--install', '-s', BUSYBOX)
  for (const folder of [
    '/run/uci',
    '/run/systemd/network',
    '/etc/netplan',
    '/etc/init.d',
    '/run/netifd/proto',
  ])
    mkdirSync(folder, { recursive: true })
  for (const service of ['network', 'firewall'])
    writeFileSync(`/etc/init.d/${service}`, '#!/bin/sh\n', { mode: 0o755 })
  const zone = { '@zone[0]': 'zone', '@zone[0].name': 'wan', '@zone[0].network': 'wan' }
  for (const [key, value] of Object.entries(zone)) writeFileSync(`/run/uci/uci.firewall.${key}`, `${value}\n`)
  for (const protocol of ['6in4', 'wireguard']) writeFileSync(`/run/netifd/proto/${protocol}.sh`, '')
}

/** Runs up twice, down twice, up and down again: the tunnel works after each up, and nothing is left after each down. */
export function assertUpDownUp(system: System, path?: string): void {
  const options = path === undefined ? {} : { path }
  for (const round of [1, 2]) {
    assert.match(succeed(system, 'up', options).stdout, /the tunnel works/)
    assert.match(on('client', 'ip', 'tunnel', 'show', 'freenet6'), /remote 192\.0\.2\.1 .*ttl 64/)
    assert.match(on('client', 'ip', 'link', 'show', 'freenet6'), /mtu 1480/)
    assertAnswers('client', INTERNET)
    if (round === 1) succeed(system, 'up', options)
    for (const _ of [1, 2]) succeed(system, 'down', options)
    assert.equal(runQuietly('client', ['ip', 'link', 'show', 'freenet6']).status, 1)
    assert.equal(on('client', 'ip', '-6', 'route', 'show', 'default'), '')
  }
}

interface ScriptOptions {
  readonly args?: readonly string[]
  readonly path?: string
}

/** Runs a system's script for a sit tunnel on the client. */
export function succeed(system: System, action: 'up' | 'down', options: ScriptOptions = {}): Outcome {
  return succeedWith(render(system, action, USUAL), options)
}

/** Runs the text of a script on the client, where OpenWrt's protocol handlers lie at their own place. */
export function succeedWith(text: string, options: ScriptOptions = {}): Outcome {
  const { args = [], path = `${STAND_INS}:${process.env.PATH}` } = options
  writeFileSync('/run/script', text.replace('/lib/netifd', '/run/netifd'))
  const ran = runQuietly('client', ['env', `PATH=${path}`, 'sh', '/run/script', ...args])
  assert.equal(ran.status, 0, `${text.split('\n')[1]}\n${ran.stdout}${ran.stderr}`)
  return ran
}

/** Pings the address from the host. */
export function assertAnswers(host: Host, address: string): void {
  on(host, 'ping', '-6', '-c', '1', '-W', '3', address)
}

/** Runs a command on a host of the lab and gives what it wrote. */
export function on(host: Host, ...command: readonly string[]): string {
  const { status, stdout, stderr } = runQuietly(host, command)
  assert.equal(status, 0, `${command.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/** Runs a command in the guest itself. */
export function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
