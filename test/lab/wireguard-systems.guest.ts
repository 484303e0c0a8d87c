/**
 * The WireGuard scripts of systems that can run here, unmodified, against a server's end on a real kernel: wg-quick and
 * systemd-networkd are the real ones; OpenWrt's uci and netifd are stand-ins.
 *
 *   uml-run -- node --test --test-isolation=none test/lab/wireguard-systems.guest.ts
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PRIVATE_KEY, renderWireguard, type ScriptValues, USUAL_WIREGUARD } from '../scripts/render.ts'
import { runQuietly } from './narrator.ts'
import { assertAnswers, BUSYBOX_PATH, INTERNET, makeHosts, must, on, succeedWith } from './script-client.ts'

const KEY_FILE = '/etc/wireguard/freenet6.key'
const SERVER_KEY_FILE = '/run/server.key'
/** What curl ends with. */
const CURL = { refused: 7, silence: 28 } as const
const LINK = '2001:db8:f6:1::/64'
/** Where the scripts leave files of theirs. */
const FOLDERS = ['/etc/wireguard', '/etc/systemd/network', '/etc/netplan']

let values: ScriptValues

before(() => {
  makeHosts()
  mkdirSync('/etc/wireguard', { recursive: true })
  writeFileSync(KEY_FILE, `${PRIVATE_KEY}\n`, { mode: 0o600 })
  values = { ...USUAL_WIREGUARD, serverPublicKey: makeServerEnd() }
})
after(() => runQuietly('client', ['sh', '-c', 'kill "$(cat /run/networkd.pid)"']))

for (const system of ['linux', 'systemd-networkd', 'netplan'] as const) {
  describe(`the WireGuard scripts for ${system}`, () => {
    test('up makes the tunnel, down takes it back, up makes it again', () => assertUpDownUp(system))
  })
}

describe("the WireGuard scripts for openwrt, in BusyBox's shell with its tools", () => {
  test('up makes the tunnel, down takes it back, up makes it again', () =>
    assertUpDownUp('openwrt', { path: BUSYBOX_PATH }))
})

describe('a host where IPv6 is switched off by sysctl for new interfaces', () => {
  test('is told by the script for linux what to do, and nothing is changed', () => {
    on('client', 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
    const ran = runQuietly('client', ['sh', '-c', renderWireguard('linux', 'up', values)])
    on('client', 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0')
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /set net\.ipv6\.conf\.default\.disable_ipv6 to 0/)
    assert.deepEqual(ourFiles(), [KEY_FILE])
  })

  for (const system of ['systemd-networkd', 'netplan'])
    test(`has a tunnel by the script for ${system}`, () => {
      on('client', 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
      const ran = succeedWith(renderWireguard(system, 'up', values))
      on('client', 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=0')
      assert.match(ran.stdout, /the tunnel works/)
      succeedWith(renderWireguard(system, 'down', values))
    })
})

describe('a host with a WireGuard tunnel', () => {
  test('is open to everybody until --firewall lets in pings and answers alone, which down takes back', () => {
    for (const system of ['linux', 'netplan']) {
      succeedWith(renderWireguard(system, 'up', values))
      assert.equal(knock(), CURL.refused, 'the packet came as far as the host')
      succeedWith(renderWireguard(system, 'up', values), { args: ['--firewall'] })
      assert.equal(knock(), CURL.silence)
      assertAnswers('internet', values.ipv6Client)
      assertAnswers('client', INTERNET)
      succeedWith(renderWireguard(system, 'down', values))
      assert.doesNotMatch(on('client', 'nft', 'list', 'ruleset'), /freenet6/)
    }
  })
})

/** Asks for a connection to a port of the client's where nobody listens. */
function knock(): number | null {
  return runQuietly('internet', ['curl', '-s', '-m', '3', `http://[${values.ipv6Client}]:7/`]).status
}

/** The broker's interface, by hand: the client is its one peer. Returns the public key. */
function makeServerEnd(): string {
  const make = `umask 077; wg genkey | tee ${SERVER_KEY_FILE} | wg pubkey`
  const publicKey = spawnSync('sh', ['-c', make], { encoding: 'utf8' }).stdout.trim()
  must('ip', '-n', 'broker', 'link', 'add', 'fn6-wg', 'type', 'wireguard')
  const peer = ['peer', USUAL_WIREGUARD.publicKey, 'allowed-ips', LINK]
  const own = ['listen-port', '51820', 'private-key', SERVER_KEY_FILE]
  must('ip', 'netns', 'exec', 'broker', 'wg', 'set', 'fn6-wg', ...own, ...peer)
  must(
    'ip',
    '-n',
    'broker',
    '-6',
    'addr',
    'add',
    `${USUAL_WIREGUARD.ipv6Server}/64`,
    'dev',
    'fn6-wg',
    'nodad',
  )
  must('ip', '-n', 'broker', 'link', 'set', 'fn6-wg', 'mtu', '1420', 'up')
  return publicKey
}

/** Runs up twice, the second time for smaller packets, down twice, up and down again: the tunnel works after each up, and the key alone is left after each down. */
function assertUpDownUp(system: string, options: { readonly path?: string } = {}): void {
  for (const round of [1, 2]) {
    assert.match(succeedWith(renderWireguard(system, 'up', values), options).stdout, /the tunnel works/)
    assert.match(on('client', 'wg', 'show', 'freenet6', 'persistent-keepalive'), /\t25$/m)
    assert.match(on('client', 'ip', 'link', 'show', 'freenet6'), /mtu 1420/)
    assert.match(on('client', 'ip', '-6', 'route', 'show', 'default'), /dev freenet6 .*metric 2048/)
    assertAnswers('client', INTERNET)
    assertAnswers('internet', values.ipv6Client)
    if (round === 1) {
      succeedWith(renderWireguard(system, 'up', { ...values, mtu: 1380 }), options)
      assert.match(on('client', 'ip', 'link', 'show', 'freenet6'), /mtu 1380/)
    }
    assertAnswers('client', INTERNET)
    for (const _ of [1, 2]) succeedWith(renderWireguard(system, 'down', values), options)
    assert.equal(runQuietly('client', ['ip', 'link', 'show', 'freenet6']).status, 1)
    assert.equal(on('client', 'ip', '-6', 'route', 'show', 'default'), '')
    assert.deepEqual(ourFiles(), [KEY_FILE])
    assert.equal(readFileSync(KEY_FILE, 'utf8'), `${PRIVATE_KEY}\n`)
  }
}

function ourFiles(): readonly string[] {
  const files = FOLDERS.flatMap(folder => readdirSync(folder).map(file => join(folder, file)))
  return files.filter(file => file.includes('freenet6'))
}
