/**
 * WireGuard tunnels of the real program: the kernel's in the guest, or those of wireguard-go in namespaces.
 *
 *   uml-run -- node test/lab/wireguard.guest.ts kernel
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parsePrefix } from '../../src/address/prefix.ts'
import { serverKey } from '../../src/kind/wireguard/server-key.ts'
import { WireguardInterfaces } from '../../src/kind/wireguard/wireguard-interfaces.ts'
import { INTERNET_IPV6, LabBroker, readRows, SERVER_IPV4, type Settings, until } from './lab-broker.ts'
import { callApi, readTunnel, registerByApi, runScript, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'

interface Registered extends Ticket, TunnelView {
  readonly kind: string
  readonly wireguard: {
    readonly server_public_key: string
    readonly endpoint: string
    readonly address: string
  }
}

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const DEVICE = 'fn6-wg'
const MOVED = '192.0.2.22'
const MENDED_MS = 120_000
const MANY = 10_000
/** There and back 8 times, and messages about it; without a limit there are 30 and more. */
const LOOP_PACKETS = 16

/** As ping calls type 1 code 3 of ICMPv6 (RFC 4443 3.1); code 0, 'No route', is the kernel's own answer. */
const ADDRESS_UNREACHABLE = 'Address unreachable'

/** Where the whole table of cases runs. */
const isMany = process.argv[3] === 'many'
const program = process.argv[2] === 'wireguard-go' ? 'wireguard-go' : 'kernel'
const SETTINGS: Settings = {
  layout: 'shared',
  reachability: 'off',
  monitorInterval: '1h',
  threshold: 5,
  // The machine that runs wireguard-go for want of a module may lack the other kind's as well.
  ...(program === 'kernel' ? {} : { kinds: ['wireguard'] }),
}
const narrator = new Narrator()

before(() => {
  must('sh', TOPOLOGY)
  must('mount', '-t', 'tmpfs', 'keys', '/etc/wireguard')
})

describe(`WireGuard by ${program}`, { concurrency: false }, () => {
  let broker: LabBroker
  let one: Registered
  let two: Registered

  before(async () => {
    rmSync('/run/lab/data', { recursive: true, force: true })
    broker = await LabBroker.start(SETTINGS)
  })
  after(() => broker.kill())

  test('a visitor makes a key, registers its public half, and runs the script as it comes', async () => {
    const publicKey = newKey('/etc/wireguard/freenet6.key')
    one = register('client', { public_key: publicKey, nicname: 'one' })
    assert.equal(one.kind, 'wireguard')
    assert.deepEqual(
      [one.wireguard.endpoint, one.wireguard.address],
      ['192.0.2.1:51820', `${one.ipv6_client}/64`],
    )
    await waitUntilUp(one)
    const script = runScript(narrator, 'client', one, 'up')
    assert.equal(script.status, 0, script.stderr)
  })

  async function waitUntilUp(tunnel: Ticket): Promise<void> {
    await until('the tunnel to be up', MENDED_MS, () => isUp(tunnel) || undefined).catch(() =>
      assert.fail(`the tunnel does not come up:\n${broker.output}`),
    )
  }

  test('pings pass both ways: the server’s end, the internet host, the broker, another client', async () => {
    two = register('client2', { public_key: newKey('/run/two.key'), nicname: 'two' })
    await waitUntilUp(two)
    connect('client2', two, '/run/two.key')
    ping('client', one.ipv6_server)
    ping('client', INTERNET_IPV6)
    ping('internet', one.ipv6_client)
    ping('broker', one.ipv6_client)
    ping('client2', INTERNET_IPV6)
    ping('client', two.ipv6_client)
    ping('client2', one.ipv6_client)
  })

  test('nothing passes from another’s address, nor to one that no tunnel has', () => {
    const spoofed = two.ipv6_client.replace(/::2$/, '::5')
    inside('client', 'ip', '-6', 'addr', 'add', `${spoofed}/128`, 'dev', 'freenet6', 'nodad')
    assert.notEqual(pingStatus('client', INTERNET_IPV6, '-I', spoofed), 0)
    inside('client', 'ip', '-6', 'addr', 'del', `${spoofed}/128`, 'dev', 'freenet6')
    assert.equal(refusalOf('2001:db8:f6:77::2'), ADDRESS_UNREACHABLE)
  })

  test('a packet does not go round between the broker and a client that sends back what is not its own', () => {
    inside('client', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
    const before = received('client')
    runQuietly('client', ['ping', '-6', '-c', '1', '-W', '1', one.ipv6_client.replace(/::2$/, '::77')])
    const back = received('client') - before
    inside('client', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0')
    assert.ok(back <= LOOP_PACKETS, `${back} packets`)
  })

  test('IPv6 that somebody turns off on the interface is on again', async () => {
    inside('broker', 'sysctl', '-qw', `net.ipv6.conf.${DEVICE}.disable_ipv6=1`)
    await pingUntil('client', INTERNET_IPV6)
  })

  test('a client that moves to another address and port while it pings is followed, and its owner sees where to', async () => {
    await broker.kill()
    broker = await LabBroker.start({ ...SETTINGS, monitorInterval: '1s' })
    await pingUntil('client', INTERNET_IPV6)
    await pingUntil('client2', INTERNET_IPV6)
    await seenAt('192.0.2.2')
    const pinging = spawn(
      'ip',
      ['netns', 'exec', 'client', 'ping', '-6', '-i', '0.2', '-c', '25', '-W', '1', INTERNET_IPV6],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    pinging.stdout.on('data', text => {
      output += text
    })
    const gone = once(pinging, 'exit')
    await sleep(1000)
    inside('client', 'ip', 'addr', 'del', '192.0.2.2/24', 'dev', 'eth0')
    inside('client', 'ip', 'addr', 'replace', `${MOVED}/24`, 'dev', 'eth0')
    inside('client', 'wg', 'set', 'freenet6', 'listen-port', '40404')
    await gone
    assert.ok((output.match(/bytes from/g) ?? []).length >= 15, output)
    assert.equal(await seenAt(MOVED), `${MOVED}:40404`)
    ping('internet', one.ipv6_client)
  })

  /** Waits until the API has the first client at an address; returns its `client_endpoint`. */
  function seenAt(address: string): Promise<string> {
    return until(`the client to be seen at ${address}`, MENDED_MS, () => {
      const { ipv4_client, client_endpoint } = readTunnel('client', one)
      return ipv4_client === address ? client_endpoint : undefined
    })
  }

  test('an interface that somebody deletes is made again with its peers, and the tunnels work', async () => {
    inside('broker', 'ip', 'link', 'del', 'dev', DEVICE)
    await until('all peers', MENDED_MS, () => peers().length === 2 || undefined).catch(() =>
      assert.fail(`the peers are not made again:\n${broker.output}`),
    )
    await pingUntil('client', INTERNET_IPV6)
    await pingUntil('client2', INTERNET_IPV6)
  })

  test('after kill -9 and a new start the tunnels work, and a peer that no row has is gone', async () => {
    await broker.kill()
    const stray = newKey('/run/stray.key')
    if (program === 'kernel')
      inside('broker', 'wg', 'set', DEVICE, 'peer', stray, 'allowed-ips', '2001:db8:f6:99::/64')
    broker = await LabBroker.start(SETTINGS)
    await until(
      'the peers of the table',
      MENDED_MS,
      () => (peers().length === 2 && !peers().includes(stray)) || undefined,
    )
    await pingUntil('client', INTERNET_IPV6)
  })

  test('another public key takes over, and the former one can send nothing', async () => {
    const other = newKey('/run/other.key')
    const change = [
      '-X',
      'PATCH',
      '-H',
      'Content-Type: application/json',
      '-d',
      JSON.stringify({ public_key: other }),
    ]
    const changed = callApi('client', one, '', ...change)
    assert.match(changed.stdout, /"kind":"wireguard"/)
    assert.notEqual(pingStatus('client', INTERNET_IPV6), 0)
    inside('client', 'wg', 'set', 'freenet6', 'private-key', '/run/other.key')
    await pingUntil('client', INTERNET_IPV6)
  })

  test('peers that somebody else changes or adds are mended, although they shake hands', async () => {
    await broker.kill()
    broker = await LabBroker.start({ ...SETTINGS, monitorInterval: '1s' })
    const key = inside('client', 'wg', 'show', 'freenet6', 'public-key').trim()
    const foreign = newKey('/run/foreign.key')
    const ours = () => inside('broker', 'wg', 'show', DEVICE, 'allowed-ips').split('\n').sort().join()
    await pingUntil('client', INTERNET_IPV6)
    const before = ours()
    for (const change of [
      [key, 'allowed-ips', '2001:db8:f6:99::/64'],
      [key, 'allowed-ips', `${one.ipv6_client}/64,::/0`],
      [foreign, 'allowed-ips', `${one.ipv6_client}/64,::/0`],
    ]) {
      inside('broker', 'wg', 'set', DEVICE, 'peer', ...change)
      assert.notEqual(ours(), before)
      await until('the peers to be mended', MENDED_MS, () => ours() === before || undefined)
    }
    await pingUntil('client', INTERNET_IPV6)
  })

  test('an update client is told that nothing has to change', () => {
    const update = [
      'curl',
      '-sS',
      '-u',
      `${one.id}:${one.key}`,
      `http://${SERVER_IPV4}:8080/nic/update?hostname=${one.name}&myip=192.0.2.77`,
    ]
    assert.match(runQuietly('client', update).stdout, /^nochg /)
  })

  test('a client that was away for too long has its tunnel back when it shakes hands again', async () => {
    await broker.kill()
    broker = await LabBroker.start({ ...SETTINGS, monitorInterval: '1s', threshold: 3 })
    const isThere = () => readRows().some(({ nicname }) => nicname === 'two')
    await pingUntil('client2', INTERNET_IPV6)
    inside('client2', 'ip', 'link', 'set', 'wg2', 'down')
    await until('the row to go', MENDED_MS, () => !isThere() || undefined)
    assert.equal(refusalOf(two.ipv6_client), ADDRESS_UNREACHABLE)
    // The kernel has taken the address with the link.
    inside('client2', 'ip', 'addr', 'add', `${two.ipv6_client}/64`, 'dev', 'wg2', 'nodad')
    inside('client2', 'ip', 'link', 'set', 'wg2', 'up')
    inside('client2', 'ip', '-6', 'route', 'replace', 'default', 'dev', 'wg2')
    await until('the row to come back', MENDED_MS, () => isThere() || undefined)
    await pingUntil('client2', INTERNET_IPV6)
    await broker.kill()
    broker = await LabBroker.start(SETTINGS)
    await pingUntil('client', INTERNET_IPV6)
  })

  test('a removed tunnel can send nothing, its name is gone, and the other goes on', () => {
    callApi('client', one, '', '-X', 'DELETE')
    assert.deepEqual(
      readRows().map(({ nicname }) => nicname),
      ['two'],
    )
    assert.equal(peers().length, 1)
    assert.notEqual(pingStatus('client', INTERNET_IPV6), 0)
    assert.notEqual(pingStatus('client', one.ipv6_server), 0)
    ping('client2', INTERNET_IPV6)
  })

  test('the undo takes interface, route and file away, and a second time does no harm', () => {
    const undo = runQuietly('client2', [
      'curl',
      '-sS',
      `http://${SERVER_IPV4}:8080/api/v1/tunnels/${two.id}/script?os=linux&action=down`,
    ]).stdout
    writeFileSync('/run/down.sh', undo)
    for (let times = 0; times < 2; times++)
      assert.equal(runQuietly('client', ['sh', '/run/down.sh']).status, 0)
    assert.notEqual(runQuietly('client', ['ip', 'link', 'show', 'freenet6']).status, 0)
    assert.equal(runQuietly('client', ['ip', '-6', 'route', 'show', 'default']).stdout, '')
  })

  test('ten thousand peers come up, are found whole, and go', { skip: !isMany }, async t => {
    const driver = manyDriver()
    try {
      assert.deepEqual(await driver.prepare(), [])
      const links = Array.from({ length: MANY }, (_, index) => link(index + 1))
      const start = performance.now()
      assert.deepEqual(await driver.create(links), [])
      t.diagnostic(`${MANY} peers up in ${Math.round(performance.now() - start)} ms`)
      assert.deepEqual(await driver.reconcile(links), { made: [], removed: [], faults: [] })
      assert.equal((await driver.signsOfLife(links.map(({ device }) => device))).size, MANY)
      assert.deepEqual(await driver.amiss(links.slice(0, 2)), [])
      must('wg', 'set', 'many-wg', 'peer', link(1).publicKey, 'remove')
      assert.deepEqual(await driver.amiss(links.slice(0, 2)), ['many-1'])
      assert.deepEqual((await driver.reconcile(links)).made, ['many-1'])
      const again = performance.now()
      const { removed } = await driver.reconcile([])
      t.diagnostic(`${removed.length} peers gone in ${Math.round(performance.now() - again)} ms`)
      assert.equal(removed.length, MANY)
    } finally {
      driver.close()
    }
  })
})

function manyDriver(): WireguardInterfaces {
  const prefix = parsePrefix('2001:db8:a000::/36')
  assert.ok(prefix !== undefined)
  must('ip', 'link', 'set', 'lo', 'up')
  const directory = mkdtempSync('/run/many-')
  return new WireguardInterfaces({
    devicePrefix: 'many-',
    program,
    key: serverKey(directory),
    port: 51_999,
    mtu: 1420,
    prefix,
  })
}

function link(index: number) {
  const network = `2001:db8:a000:${index.toString(16)}`
  const publicKey = Buffer.alloc(32).fill(`${index}.`).toString('base64')
  return {
    device: `many-${index}`,
    ipv4Client: '',
    ipv6Client: `${network}::2`,
    ipv6Server: `${network}::1`,
    publicKey,
  }
}

/** Makes a private key in a file; returns its public half. */
function newKey(file: string): string {
  mkdirSync('/run/lab', { recursive: true })
  return must('sh', '-c', `umask 077; wg genkey | tee ${file} | wg pubkey`).trim()
}

function register(host: Host, fields: Readonly<Record<string, string>>): Registered {
  return registerByApi(narrator, host, {
    kind: 'wireguard',
    country: 'ca',
    os: 'linux',
    ...fields,
  }) as Registered
}

/** By hand, for the second client: the script's interface has one name on a machine. */
function connect(host: Host, { ipv6_client, wireguard }: Registered, keyFile: string): void {
  if (program === 'kernel') inside(host, 'ip', 'link', 'add', 'wg2', 'type', 'wireguard')
  else inside(host, 'wireguard-go', 'wg2')
  const { server_public_key, endpoint } = wireguard
  const peer = [
    'peer',
    server_public_key,
    'endpoint',
    endpoint,
    'allowed-ips',
    '::/0',
    'persistent-keepalive',
    '25',
  ]
  inside(host, 'wg', 'set', 'wg2', 'private-key', keyFile, ...peer)
  inside(host, 'ip', 'addr', 'add', `${ipv6_client}/64`, 'dev', 'wg2', 'nodad')
  inside(host, 'ip', 'link', 'set', 'wg2', 'mtu', '1420', 'up')
  inside(host, 'ip', '-6', 'route', 'add', 'default', 'dev', 'wg2')
}

function isUp({ id }: Ticket): boolean {
  return readRows().some(row => row.id === id && row.unreachable >= 0)
}

function peers(): readonly string[] {
  const { stdout } = runQuietly('broker', ['wg', 'show', DEVICE, 'peers'])
  return stdout.split('\n').filter(line => line !== '')
}

function ping(host: Host, address: string): void {
  assert.equal(pingStatus(host, address), 0, `${host} gets no answer from ${address}`)
}

function pingStatus(host: Host, address: string, ...options: readonly string[]): number | null {
  return runQuietly(host, ['ping', '-6', '-c', '2', '-i', '0.3', '-W', '2', ...options, address]).status
}

/** Why an address can't be reached from the internet host, as ping says it; undefined: nothing came back. */
function refusalOf(address: string): string | undefined {
  const { stdout } = runQuietly('internet', ['ping', '-6', '-c', '1', '-W', '1', address])
  return /Destination unreachable: (.*)/.exec(stdout)?.[1]
}

/** A session that was lost is made anew within some seconds (WireGuard's REKEY_TIMEOUT). */
async function pingUntil(host: Host, address: string): Promise<void> {
  await until(`${address} to answer`, MENDED_MS, () => pingStatus(host, address) === 0 || undefined)
}

function inside(host: Host, ...command: readonly string[]): string {
  return must('ip', 'netns', 'exec', host, ...command)
}

function must(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Packets that came out of the host's tunnel. */
function received(host: Host): number {
  return Number(inside(host, 'cat', '/sys/class/net/freenet6/statistics/rx_packets'))
}
