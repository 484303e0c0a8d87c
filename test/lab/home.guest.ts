/**
 * A home: a prefix is routed to a tunnel, the tunnel's client is a router, radvd gives a /64 to the host behind it.
 *
 *   uml-run -- node test/lab/home.guest.ts shared|per-tunnel|wireguard [every-length]
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { INTERNET_IPV6, LabBroker, readRows, SERVER_IPV4, type Settings, until } from './lab-broker.ts'
import { callApi, registerByApi, runScript, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'
import { carryRouted, ROUTED_LENGTHS } from './routed-lengths.ts'

type Registered = Ticket & TunnelView

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const POOL = '2001:db8:8000::/44'
/** Has room for prefixes of every length, beside those that rest. */
const WIDE_POOL = '2001:db8:8000::/40'
const FIRST = '2001:db8:8000::/56'
const SECOND = '2001:db8:8000:100::/56'
const PING_HEADERS = 48
const THIRD = '2001:db8:8000:200::/56'
/** A prefix of the pool that nobody has. */
const NOBODYS = '2001:db8:8000:5500::'
const MENDED_MS = 120_000
const RADVD = `interface lan {
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  prefix 2001:db8:8000:1::/64 { };
};
`

const mode = process.argv[2] ?? 'shared'
const isWireguard = mode === 'wireguard'
/** By wireguard-go each length is carried on every machine: see browser-configuration.guest.ts. */
const lengths = process.argv[3] === 'every-length' && !isWireguard ? ROUTED_LENGTHS : []
const SETTINGS: Settings = {
  layout: mode === 'per-tunnel' ? 'per-tunnel' : 'shared',
  reachability: 'off',
  monitorInterval: '1h',
  threshold: 5,
  routedPrefix: POOL,
  ...(isWireguard ? {} : { kinds: ['sit'] }),
}
const DEVICES = { shared: 'fn6-all', 'per-tunnel': 'fn6-0', wireguard: 'fn6-wg' } as const
const DEVICE = mode === 'per-tunnel' || mode === 'wireguard' ? DEVICES[mode] : DEVICES.shared
/** The layout of a device each has a blackhole in place of an answer. */
const UNUSED = mode === 'per-tunnel' ? /100% packet loss/ : /unreachable/i
const PROTOCOL = isWireguard ? '247' : '246'
const JSON_BODY = ['-H', 'Content-Type: application/json', '-d'] as const
const narrator = new Narrator()

before(() => {
  must('sh', TOPOLOGY)
  must('mount', '-t', 'tmpfs', 'keys', '/etc/wireguard')
  must('ip', 'netns', 'add', 'home')
  inside('internet', 'ip', '-6', 'route', 'add', WIDE_POOL, 'via', '2001:db8:ffff::1')
  inside('client', ...'ip link add lan type veth peer name eth0 netns home'.split(' '))
})

describe(`a home behind a tunnel, ${mode}`, { concurrency: false }, () => {
  let broker: LabBroker
  let one: Registered
  let two: Registered
  let host: string
  let radvd: ChildProcess | undefined

  before(async () => {
    rmSync('/run/lab/data', { recursive: true, force: true })
    broker = await LabBroker.start(SETTINGS)
  })
  after(async () => {
    radvd?.kill()
    await broker.kill()
  })

  test('a router asks for a prefix, gets one, and runs the script as it comes', async () => {
    one = register('client', { ipv4: '192.0.2.2', nicname: 'one', routed_prefix: true })
    assert.equal(one.routed_prefix, FIRST)
    await until('the tunnel to be up', MENDED_MS, () => isUp(one) || undefined)
    assert.equal(runScript(narrator, 'client', one, 'up').status, 0)
    assert.deepEqual(routes(), networksOf(one))
  })

  test('radvd gives a host an address of it; the host pings the internet host and is pinged', async () => {
    writeFileSync('/run/lab/radvd.conf', RADVD)
    inside('client', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
    inside('client', ...`ip -6 route add unreachable ${FIRST}`.split(' '))
    inside('client', ...'ip -6 addr add 2001:db8:8000:1::1/64 dev lan nodad'.split(' '))
    inside('home', 'ip', 'link', 'set', 'lo', 'up')
    inside('home', 'ip', 'link', 'set', 'eth0', 'up')
    inside('client', 'ip', 'link', 'set', 'lan', 'up')
    const arguments_ = ['-n', '-C', '/run/lab/radvd.conf', '-p', '/run/lab/radvd.pid']
    radvd = spawn('ip', ['netns', 'exec', 'client', 'radvd', ...arguments_], { stdio: 'inherit' })
    host = await until('an address of the prefix', MENDED_MS, addressAtHome)
    assert.match(host, /^2001:db8:8000:1:/)
    await pingUntil('home', INTERNET_IPV6)
    ping('internet', host)
    ping('client', INTERNET_IPV6)
  })

  test('what passes is counted in both directions, the link’s and the prefix’s', {
    skip: mode !== 'shared',
  }, () => {
    for (const set of ['tunnels', 'sent']) {
      const listing = inside('broker', 'nft', 'list', 'set', 'ip', 'freenet6', set)
      for (const network of ['20010db800f60000', '20010db880000000'])
        assert.match(listing, new RegExp(`192\\.0\\.2\\.2 \\. 0x${network} counter packets [1-9]`), set)
    }
  })

  test('what is larger than the tunnel takes is refused in both directions, with the size that passes', async () => {
    const changed = callApi('client', one, '', '-X', 'PATCH', ...JSON_BODY, '{"mtu":1300}')
    assert.equal((JSON.parse(changed.stdout) as { mtu: number }).mtu, 1300)
    const large = (from: Host, to: string, octets: number) =>
      runQuietly(from, [
        'ping',
        '-6',
        '-c',
        '2',
        '-W',
        '2',
        '-M',
        'do',
        '-s',
        String(octets - PING_HEADERS),
        to,
      ]).stdout
    assert.match(large('internet', host, 1301), /Packet too big: mtu=1300/)
    assert.match(large('internet', host, 1300), / 0% packet loss/)
    assert.match(
      large('internet', one.ipv6_client, 1301),
      /Packet too big: mtu=1300|message too long, mtu: 1300/i,
    )

    inside('broker', 'ip', 'link', 'set', 'internet0', 'mtu', '1290')
    assert.match(large('home', INTERNET_IPV6, 1300), /Packet too big: mtu=1290/)
    assert.match(large('home', INTERNET_IPV6, 1290), / 0% packet loss/)
    inside('broker', 'ip', 'link', 'set', 'internet0', 'mtu', '1500')
    callApi('client', one, '', '-X', 'PATCH', ...JSON_BODY, '{"mtu":null}')
    for (const from of ['internet', 'home', 'client'] as const)
      inside(from, 'ip', '-6', 'route', 'flush', 'cache')
    await pingUntil('internet', host)
    assert.doesNotMatch(large('internet', host, 1400), /too big/i)
  })

  test('the MSS of TCP connections is what the tunnel carries, in both directions', () => {
    callApi('client', one, '', '-X', 'PATCH', ...JSON_BODY, '{"mtu":1300}')
    const rules = [
      'add table ip6 mss',
      'add chain ip6 mss input { type filter hook input priority 0; }',
      'add rule ip6 mss input tcp flags & (syn | rst) == syn counter',
      'add rule ip6 mss input tcp flags & (syn | rst) == syn tcp option maxseg size 1240 counter',
    ].join('\n')
    writeFileSync('/run/lab/mss.nft', `${rules}\n`)
    for (const [from, to, address] of [
      ['home', 'internet', INTERNET_IPV6],
      ['internet', 'home', host],
    ] as const) {
      inside(to, 'nft', '-f', '/run/lab/mss.nft')
      runQuietly(from, ['curl', '-6', '-s', '--max-time', '3', `http://[${address}]:9/`])
      const seen = inside(to, 'nft', 'list', 'table', 'ip6', 'mss')
      assert.match(seen, /size 1240 counter packets [1-9]/, `${from} to ${to}: ${seen}`)
    }
    callApi('client', one, '', '-X', 'PATCH', ...JSON_BODY, '{"mtu":null}')
  })

  test('from another’s prefix nothing passes, and what nobody has is unreachable', () => {
    two = register('client2', { ipv4: '192.0.2.3', nicname: 'two' })
    assert.equal(two.routed_prefix, undefined)
    if (!isWireguard) assert.equal(runScript(narrator, 'client2', two, 'up').status, 0)
    count(`{ ${POOL}, 2001:db8:f6::/48 }`)
    ping('home', INTERNET_IPV6)
    const before = counted()
    assert.ok(before > 0, 'what the host sends is counted')
    const spoofing: readonly (readonly [Host, string])[] = [
      ['home', `${NOBODYS}5`],
      ['client', '2001:db8:f6:5::5'], // another's link, cut to the length of a routed prefix, is the client's own
      ...(isWireguard ? [] : ([['client2', '2001:db8:8000:2::5']] as const)),
    ]
    for (const [from, address] of spoofing) {
      const device = from === 'home' ? 'eth0' : 'freenet6'
      inside(from, 'ip', '-6', 'addr', 'add', `${address}/128`, 'dev', device, 'nodad')
      pingStatus(from, INTERNET_IPV6, '-I', address)
      inside(from, 'ip', '-6', 'addr', 'del', `${address}/128`, 'dev', device)
    }
    assert.equal(counted(), before)
    for (const address of [`${NOBODYS}1`, '2001:db8:8000:77::1']) {
      const { stdout } = runQuietly('internet', ['ping', '-6', '-c', '1', '-W', '2', address])
      assert.match(stdout, UNUSED, address)
    }
  })

  test('a tunnel that is there asks for one, packets for it reach it, and it gives it back', () => {
    const change = (isWanted: boolean) =>
      JSON.parse(
        callApi('client2', two, '', '-X', 'PATCH', ...JSON_BODY, `{"routed_prefix":${isWanted}}`).stdout,
      ) as TunnelView
    assert.equal(change(true).routed_prefix, SECOND)
    assert.deepEqual(routes(), [...networksOf(one), SECOND].toSorted())
    const address = SECOND.replace('::/56', '::2')
    if (!isWireguard) {
      inside('client2', ...`ip -6 addr add ${address}/128 dev freenet6 nodad`.split(' '))
      ping('internet', address)
      ping('home', INTERNET_IPV6)
    }
    for (const times of [1, 2]) {
      assert.equal(change(false).routed_prefix, undefined, `time ${times}`)
      assert.deepEqual(routes(), networksOf(one))
    }
    if (isWireguard) return
    assert.notEqual(pingStatus('internet', address), 0)
    assert.notEqual(pingStatus('client2', INTERNET_IPV6, '-I', address), 0)
    inside('client2', ...`ip -6 addr del ${address}/128 dev freenet6`.split(' '))
    ping('client2', INTERNET_IPV6)
  })

  test('the zone of the prefix’s addresses is ours: its SOA, and no name in it', () => {
    const ask = (name: string, type: string) =>
      runQuietly('client', ['dig', `@${SERVER_IPV4}`, '+norec', name, type]).stdout
    const apex = '0.0.8.8.b.d.0.1.0.0.2.ip6.arpa'
    assert.match(ask(apex, 'SOA'), /status: NOERROR[\s\S]*flags: qr aa/)
    assert.match(ask(`1.0.0.0.${apex}`, 'PTR'), /status: NXDOMAIN[\s\S]*flags: qr aa[\s\S]*IN\s+SOA/)
  })

  test('after kill -9 it works again, a route that nobody has is gone, and one that was lost is back', async () => {
    await broker.kill()
    inside('broker', 'ip', '-6', 'route', 'del', FIRST, 'dev', DEVICE, 'proto', PROTOCOL)
    const via = mode === 'shared' ? ['via', '::192.0.2.2'] : []
    const stray = [`${NOBODYS}/56`, ...via, 'dev', DEVICE, ...(via.length === 0 ? [] : ['onlink'])]
    inside('broker', 'ip', '-6', 'route', 'add', ...stray, 'proto', PROTOCOL)
    broker = await LabBroker.start(SETTINGS)
    const wanted = networksOf(one).join()
    await until('the routes of the table', MENDED_MS, () => routes().join() === wanted || undefined)
    await pingUntil('home', INTERNET_IPV6)
  })

  test('with the tunnel its prefix goes, and rests: the next one gets another', () => {
    callApi('client', one, '', '-X', 'DELETE')
    assert.deepEqual(routes(), [])
    assert.notEqual(pingStatus('home', INTERNET_IPV6), 0)
    const heir = register('client', { ipv4: '192.0.2.22', nicname: 'heir', routed_prefix: true })
    assert.equal(heir.routed_prefix, THIRD)
  })

  for (const routedLength of lengths)
    test(`a tunnel carries a routed /${routedLength}, from its first address to its last`, async () => {
      await broker.kill()
      broker = await LabBroker.start({ ...SETTINGS, routedPrefix: WIDE_POOL, routedLength })
      await pingUntil('client2', INTERNET_IPV6)
      carryRouted('client2', two, { length: routedLength, unused: UNUSED })
    })

  /** Networks that our routes lead to, but for the second tunnel's. */
  function routes(): readonly string[] {
    const others = two === undefined ? [] : networksOf(two)
    const device = mode === 'per-tunnel' ? [] : ['dev', DEVICE]
    const show = ['ip', '-6', 'route', 'show', ...device, 'proto', PROTOCOL]
    return runQuietly('broker', show) // a device of one tunnel comes and goes
      .stdout.split('\n')
      .flatMap(line => line.split(' ')[0] || [])
      .filter(network => network.includes('/') && !others.includes(network))
      .toSorted()
  }
})

function register(host: Host, fields: Readonly<Record<string, string | boolean>>): Registered {
  const { ipv4 = '', ...others } = fields
  const kind = isWireguard
    ? {
        kind: 'wireguard',
        public_key: newKey(host === 'client' ? '/etc/wireguard/freenet6.key' : '/run/other'),
      }
    : { ipv4: String(ipv4) }
  return registerByApi(narrator, host, { country: 'ca', os: 'linux', ...others, ...kind }) as Registered
}

function newKey(file: string): string {
  return must('sh', '-c', `umask 077; wg genkey | tee ${file} | wg pubkey`).trim()
}

/** In the layout of a device each the link's own /64 comes with its address, and is no route of ours. */
function networksOf({ ipv6_client, routed_prefix = '' }: Registered): readonly string[] {
  const link = mode === 'per-tunnel' ? '' : ipv6_client.replace(/::2$/, '::/64')
  return [link, routed_prefix].filter(network => network !== '').toSorted()
}

function isUp({ id }: Ticket): boolean {
  return readRows().some(row => row.id === id && row.unreachable >= 0)
}

function addressAtHome(): string | undefined {
  const shown = inside(
    'home',
    'ip',
    '-6',
    '-o',
    'addr',
    'show',
    'dev',
    'eth0',
    'scope',
    'global',
    '-tentative',
  )
  return /inet6 ([0-9a-f:]+)\/64/.exec(shown)?.[1]
}

/** Counts what reaches the internet host from some blocks. */
function count(blocks: string): void {
  const rules = [
    'add table ip6 seen',
    'add chain ip6 seen input { type filter hook input priority 0; }',
    `add rule ip6 seen input ip6 saddr ${blocks} counter`,
  ].join('\n')
  writeFileSync('/run/lab/seen.nft', `${rules}\n`)
  inside('internet', 'nft', '-f', '/run/lab/seen.nft')
}

function counted(): number {
  return Number(/packets (\d+)/.exec(inside('internet', 'nft', 'list', 'table', 'ip6', 'seen'))?.[1])
}

function ping(from: Host, address: string): void {
  assert.equal(pingStatus(from, address), 0, `${from} gets no answer from ${address}`)
}

async function pingUntil(from: Host, address: string): Promise<void> {
  await until(`${address} to answer`, MENDED_MS, () => pingStatus(from, address) === 0 || undefined)
}

function pingStatus(from: Host, address: string, ...options: readonly string[]): number | null {
  return runQuietly(from, ['ping', '-6', '-c', '2', '-i', '0.3', '-W', '2', ...options, address]).status
}

function inside(host: Host, ...command: readonly string[]): string {
  return must('ip', 'netns', 'exec', host, ...command)
}

function must(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}
