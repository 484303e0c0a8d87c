/**
 * Both layouts of the kernel's side through one table of cases: the real program, the real kernel, crafted packets.
 *
 *   uml-run -- node test/lab/layouts.guest.ts LAYOUT
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { arrivals, type Case, Crossing } from './crossing.ts'
import { LAYOUTS, type Layout, networkOf, readKernel } from './kernel-view.ts'
import { INTERNET_IPV6, LabBroker, readRows, SERVER_IPV4, until } from './lab-broker.ts'
import { callApi, registerByApi, runScript, type Ticket, type TunnelView } from './lab-client.ts'
import { type Host, Narrator, runQuietly } from './narrator.ts'

type Registered = Ticket & TunnelView

const TOPOLOGY = join(import.meta.dirname, 'topology.sh')
const CLIENT = '192.0.2.2'
const CLIENT_MOVED = '192.0.2.22'
const CLIENT2 = '192.0.2.3'
/** The packet itself and ICMPv6 messages about it; one that goes round comes 30 times. */
const LOOP_PACKETS = 3
/** Seconds on a machine of one's own; the guest's processor may get a tenth of one. */
const MENDED_MS = 120_000
/** Dormant tunnels are listened for every five seconds. */
const TWO_LOOKS_MS = 12_000
/** Characters of the broker's log that a failure tells. */
const LAST_WORDS = 8000
const narrator = new Narrator()

before(() => must('sh', TOPOLOGY))

const asked = LAYOUTS.filter(layout => layout === process.argv[2])
for (const layout of asked) {
  describe(`layout ${layout}`, { concurrency: false }, () => {
    let broker: LabBroker
    let one: Registered
    let two: Registered

    before(async () => {
      rmSync('/run/lab/data', { recursive: true, force: true })
      broker = await startBroker(layout)
    })
    after(() => broker.kill())

    test('two visitors register and run their scripts as they come', () => {
      one = register('client', { ipv4: CLIENT, nicname: 'one' })
      two = register('client2', { ipv4: CLIENT2, nicname: 'two' })
      assert.equal(runScript(narrator, 'client', one, 'up').status, 0)
      assert.equal(runScript(narrator, 'client2', two, 'up').status, 0)
      assert.deepEqual(Object.fromEntries(readKernel(layout)), {
        [networkOf(one.ipv6_client)]: CLIENT,
        [networkOf(two.ipv6_client)]: CLIENT2,
      })
    })

    test('pings pass both ways: the server’s end, the internet host, the other client, the broker', () => {
      ping('client', one.ipv6_server)
      ping('client', INTERNET_IPV6)
      ping('internet', one.ipv6_client)
      ping('internet', one.ipv6_server)
      ping('client', two.ipv6_client)
      ping('client2', one.ipv6_client)
      ping('broker', one.ipv6_client)
      ping('internet', two.ipv6_client, '-M', 'do', '-s', '1432')
    })

    test('what comes with a right source passes, in fragments too, and nothing else', async () => {
      const cases: readonly Case[] = [
        { name: 'honest', outer: CLIENT, inner: one.ipv6_client },
        { name: 'honest-other', outer: CLIENT2, inner: two.ipv6_client },
        { name: 'honest-in-fragments', outer: CLIENT, inner: one.ipv6_client, fragment: 48 },
        { name: 'honest-in-tiny-fragments', outer: CLIENT, inner: one.ipv6_client, fragment: 8 },
        { name: 'spoofed-other-client', outer: CLIENT, inner: two.ipv6_client },
        { name: 'spoofed-in-fragments', outer: CLIENT, inner: two.ipv6_client, fragment: 48 },
        { name: 'spoofed-in-tiny-fragments', outer: CLIENT, inner: two.ipv6_client, fragment: 8 },
        { name: 'spoofed-internet', outer: CLIENT, inner: '2001:4860::1' },
        { name: 'spoofed-link-local', outer: CLIENT, inner: 'fe80::5' },
        { name: 'spoofed-server', outer: CLIENT, inner: INTERNET_IPV6 },
        { name: 'spoofed-behind-options', outer: CLIENT, inner: two.ipv6_client, hiding: one.ipv6_client },
        { name: 'unknown-endpoint', outer: '192.0.2.99', inner: one.ipv6_client },
        { name: 'endpoint-of-nobody', outer: '203.0.113.9', inner: '2001:db8:f6:77::2' },
      ]
      assert.deepEqual(await arrivals(cases), cases.map(({ name }) => name).filter(isHonest))
    })

    test('a packet does not go round between the broker and a client that sends back what is not its own', async () => {
      const unused = one.ipv6_client.replace(/::2$/, '::77')
      must('ip', 'netns', 'exec', 'client', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
      const before = received('client')
      await arrivals([{ name: 'from-the-tunnel', outer: CLIENT, inner: one.ipv6_client, to: unused }])
      const fromTunnel = received('client') - before
      runQuietly('internet', ['ping', '-6', '-c', '1', '-W', '1', unused])
      const fromInternet = received('client') - before - fromTunnel
      must('ip', 'netns', 'exec', 'client', 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0')
      assert.ok(fromTunnel <= LOOP_PACKETS && fromInternet <= LOOP_PACKETS, `${fromTunnel}, ${fromInternet}`)
    })

    test('an address of the pool that no tunnel has is answered, or dropped, at the broker', () => {
      const { stdout } = runQuietly('internet', ['ping', '-6', '-c', '1', '-W', '1', '2001:db8:f6:77::2'])
      if (layout === 'shared') assert.match(stdout, /Destination unreachable: Address unreachable/)
      else assert.match(stdout, /100% packet loss/)
    })

    test('a move changes where packets go and which may come', async () => {
      const change = [
        '-X',
        'PATCH',
        '-H',
        'Content-Type: application/json',
        '-d',
        `{"ipv4":"${CLIENT_MOVED}"}`,
      ]
      assert.equal(JSON.parse(callApi('client', one, '', ...change).stdout).ipv4_client, CLIENT_MOVED)
      assert.equal(runScript(narrator, 'client', one, 'up').status, 0)
      ping('client', INTERNET_IPV6)
      ping('internet', one.ipv6_client)
      const cases: readonly Case[] = [
        { name: 'from-the-old-endpoint', outer: CLIENT, inner: one.ipv6_client },
        { name: 'honest', outer: CLIENT_MOVED, inner: one.ipv6_client },
      ]
      assert.deepEqual(await arrivals(cases), ['honest'])
    })

    for (const { what, commands, isOpen = false } of harms(layout)) {
      const meanwhile = isOpen ? 'until then what is spoofed may pass' : 'in between nothing spoofed passes'
      test(`${what}: the running broker mends it, and ${meanwhile}`, async t => {
        const crossing = await Crossing.open()
        for (const command of commands) must('ip', 'netns', 'exec', 'broker', ...command)
        const { sent, milliseconds } = await untilMended(crossing)
        const passed = (await crossing.close()).filter(name => !isHonest(name)).length
        t.diagnostic(
          `mended within ${milliseconds} ms; ${passed} of ${sent} spoofed packets passed until then`,
        )
        if (!isOpen) assert.equal(passed, 0)
        await pingUntil('internet', one.ipv6_client)
        await pingUntil('internet', two.ipv6_client)
      })
    }

    test('a broker that was killed between two steps of a change is mended by the next', async () => {
      await broker.kill()
      for (const command of halfDone(layout)) must('ip', 'netns', 'exec', 'broker', ...command)
      broker = await startBroker(layout)
      await until('the kernel to be mended', MENDED_MS, () => readKernel(layout).size === 2 || undefined)
      await pingUntil('internet', one.ipv6_client)
      await pingUntil('internet', two.ipv6_client)
    })

    test('a removed tunnel can neither send nor be reached', async () => {
      const status = callApi(
        'client2',
        two,
        '',
        '-X',
        'DELETE',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
      ).stdout
      assert.equal(status, '204')
      assert.deepEqual([...readKernel(layout).keys()], [networkOf(one.ipv6_client)])
      assert.deepEqual(await arrivals([{ name: 'removed', outer: CLIENT2, inner: two.ipv6_client }]), [])
      assert.equal(runQuietly('internet', ['ping', '-6', '-c', '1', '-W', '1', two.ipv6_client]).status, 1)
      ping('internet', one.ipv6_client)
      must('ip', '-n', 'client2', 'tunnel', 'del', 'freenet6')
    })

    test('a dormant tunnel is back when its client sends again, and not for a packet of anybody else', async () => {
      await broker.kill()
      broker = await startBroker(layout, '1s')
      const rows = (wanted: number) => () => readRows().length === wanted || undefined
      must('ip', '-n', 'client', 'route', 'add', 'blackhole', SERVER_IPV4)
      await until('the row to go', 120_000, rows(0))
      const { stdout } = runQuietly('internet', ['ping', '-6', '-c', '1', '-W', '1', one.ipv6_client])
      assert.match(stdout, layout === 'shared' ? /unreachable: Address unreachable/ : /100% packet loss/)
      must('ip', '-n', 'client', 'route', 'del', 'blackhole', SERVER_IPV4)
      await until('the client to be listened for', 120_000, () => isListenedFor(CLIENT_MOVED) || undefined)
      assert.deepEqual(
        await arrivals([
          { name: 'from-another-endpoint', outer: '192.0.2.99', inner: one.ipv6_client },
          { name: 'with-another-source', outer: CLIENT_MOVED, inner: two.ipv6_client },
        ]),
        [],
      )
      await sleep(TWO_LOOKS_MS)
      assert.equal(readRows().length, 0)
      assert.deepEqual(await arrivals([{ name: 'asleep', outer: CLIENT_MOVED, inner: one.ipv6_client }]), [])
      await pingUntil('client', INTERNET_IPV6)
      assert.equal(readRows().length, 1)
      await pingUntil('internet', one.ipv6_client)
    })

    test('a silent tunnel goes by itself', async () => {
      assert.equal(runScript(narrator, 'client', one, 'down').status, 0)
      await broker.kill()
      broker = await startBroker(layout, '1s')
      await until('the row to go', 120_000, () => readRows().length === 0 || undefined)
      await until('the kernel to follow', MENDED_MS, () => readKernel(layout).size === 0 || undefined)
    })

    /** Sends a spoofed packet and an honest one, again and again, until the latter alone passes and the kernel has all. */
    async function untilMended(
      crossing: Crossing,
    ): Promise<{ readonly sent: number; readonly milliseconds: number }> {
      const start = performance.now()
      for (let sent = 1; performance.now() < start + MENDED_MS; sent++) {
        const spoofed: Case = { name: `spoofed-${sent}`, outer: CLIENT_MOVED, inner: two.ipv6_client }
        const honest: Case = { name: `honest-${sent}`, outer: CLIENT_MOVED, inner: one.ipv6_client }
        crossing.send([spoofed, honest])
        if (!(await crossing.has(honest.name)) || crossing.arrived.includes(spoofed.name)) continue
        const milliseconds = Math.round(performance.now() - start)
        if (readKernel(layout).size === 2) return { sent, milliseconds }
      }
      throw new Error(`not mended: ${crossing.arrived.join(' ')}\n${broker.output.slice(-LAST_WORDS)}`)
    }
  })
}

/** Something that somebody else may do to the kernel's state. */
interface Harm {
  readonly what: string
  readonly commands: readonly (readonly string[])[]
  /** It takes away or opens what keeps spoofed packets out. */
  readonly isOpen?: boolean
}

function harms(layout: Layout): readonly Harm[] {
  if (layout === 'per-tunnel')
    return [
      { what: 'a device is deleted', commands: [['ip', 'link', 'del', 'fn6-0']] },
      { what: 'nft flush ruleset', commands: [['nft', 'flush', 'ruleset']], isOpen: true },
    ]
  const device = ['dev', 'fn6-all'] as const
  const route = ['2001:db8:f6:99::/64', 'via', '::198.51.100.9', ...device, 'onlink', 'proto', '246']
  const element = `{ ${CLIENT_MOVED} . 0x20010db800f60001 }` // of the other client
  return [
    { what: 'nft flush ruleset', commands: [['nft', 'flush', 'ruleset']] },
    {
      what: 'the set is flushed',
      commands: [['nft', 'flush', 'set', 'ip', 'freenet6', 'tunnels']],
    },
    { what: 'the routes are flushed', commands: [['ip', '-6', 'route', 'flush', ...device, 'proto', '246']] },
    { what: 'the device is deleted', commands: [['ip', 'link', 'del', 'fn6-all']] },
    {
      what: 'a stray route and element are there',
      commands: [
        ['ip', '-6', 'route', 'add', ...route],
        ['nft', 'add', 'element', 'ip', 'freenet6', 'tunnels', element],
      ],
      isOpen: true,
    },
  ]
}

/** A tunnel that is half made, as a crash leaves it. */
function halfDone(layout: Layout): readonly (readonly string[])[] {
  if (layout === 'per-tunnel') return [['ip', '-6', 'address', 'flush', 'dev', 'fn6-0', 'scope', 'global']]
  return [['ip', '-6', 'route', 'del', '2001:db8:f6::/64', 'dev', 'fn6-all', 'proto', '246']]
}

function isListenedFor(endpoint: string): boolean {
  const { stdout } = runQuietly('broker', ['nft', 'list', 'set', 'ip', 'freenet6', 'sleepers'])
  return stdout.includes(`${endpoint} . `)
}

function isHonest(name: string): boolean {
  return name.startsWith('honest')
}

function startBroker(layout: Layout, monitorInterval = '1h'): Promise<LabBroker> {
  return LabBroker.start({ layout, reachability: 'off', monitorInterval, threshold: 3 })
}

function register(host: Host, fields: { readonly ipv4: string; readonly nicname: string }): Registered {
  return registerByApi(narrator, host, { ...fields, country: 'ca', os: 'linux' }) as Registered
}

/** Packets that came out of the host's tunnel. */
function received(host: Host): number {
  const { stdout } = runQuietly(host, ['ip', '-j', '-s', 'link', 'show', 'freenet6'])
  return JSON.parse(stdout)[0].stats64.rx.packets
}

function ping(host: Host, address: string, ...options: readonly string[]): void {
  const { status, stdout } = runQuietly(host, ['ping', '-6', '-c', '1', '-W', '3', ...options, address])
  assert.equal(status, 0, `${host} gets no answer from ${address} (server ${SERVER_IPV4}):\n${stdout}`)
}

async function pingUntil(host: Host, address: string): Promise<void> {
  const isThere = () => runQuietly(host, ['ping', '-6', '-c', '1', '-W', '1', address]).status === 0
  await until(`${address} to answer ${host}`, MENDED_MS, () => isThere() || undefined)
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
