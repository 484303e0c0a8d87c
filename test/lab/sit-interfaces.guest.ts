/**
 * Drives SitInterfaces against a real kernel. Runs as root in the User-mode Linux guest (`uml-run`), never on a host:
 * it makes and removes hundreds of devices. Ends with status 1 and one sentence at the first thing that is wrong.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parsePrefix } from '../../src/address/prefix.ts'
import { runIp } from '../../src/kernel/ip-command.ts'
import { listLinks } from '../../src/kernel/kernel-link.ts'
import { SharedLayout } from '../../src/kind/sit/shared-layout.ts'
import { sitAvailability } from '../../src/kind/sit/sit-availability.ts'
import { SitInterfaces } from '../../src/kind/sit/sit-interfaces.ts'
import type { Link } from '../../src/tunnel/interface.ts'

const DEVICE_PREFIX = 'fn6-'
const COUNT = 200
const NOTHING = { made: [], removed: [], faults: [] }

const prefix = parsePrefix('2001:db8:f6::/48')
assert.ok(prefix)
const interfaces = new SitInterfaces({
  devicePrefix: DEVICE_PREFIX,
  serverIpv4: '192.0.2.1',
  mtu: 1480,
  prefix,
})
const links = Array.from({ length: COUNT }, (_, index) => link(index))
const some = link(7)

function link(index: number, ipv4Client = `198.18.${index >> 8}.${index & 255}`): Link {
  const network = `2001:db8:f6:${index.toString(16)}`.replace(/:0$/, '')
  return {
    device: `${DEVICE_PREFIX}${index}`,
    ipv4Client,
    ipv6Server: `${network}::1`,
    ipv6Client: `${network}::2`,
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: 'pipe' })
}

async function devices(): Promise<string[]> {
  const listing = await listLinks(runIp, DEVICE_PREFIX)
  assert.equal(listing.kind, 'links')
  return listing.kind === 'links' ? [...listing.links.keys()] : []
}

async function step(name: string, work: () => Promise<void>): Promise<void> {
  const start = performance.now()
  try {
    await work()
  } catch (error) {
    console.error(`sit-interfaces: ${name}: ${String(error).slice(0, 1000)}`)
    process.exit(1)
  }
  console.log(`ok ${name} (${Math.round(performance.now() - start)} ms)`)
}

if (process.env.FREENET6_GUEST !== '1') {
  console.error('sit-interfaces: run me with test/lab/uml-run')
  process.exit(2)
}

await step('the kernel has sit, and the trial leaves nothing behind', async () => {
  assert.deepEqual(await sitAvailability({ devicePrefix: DEVICE_PREFIX }), { kind: 'available' })
  assert.deepEqual(await devices(), [])
})

await step('the pool is blackholed and forwarding is on, twice', async () => {
  assert.deepEqual(await interfaces.prepare(), [])
  assert.deepEqual(await interfaces.prepare(), [])
  const routes = ip('-6', 'route', 'show', 'type', 'blackhole')
  assert.equal(routes.match(/2001:db8:f6::\/48/g)?.length, 1)
  assert.equal(readFileSync('/proc/sys/net/ipv6/conf/all/forwarding', 'utf8'), '1\n')
})

await step(`${COUNT} links are made, and a reconciliation finds nothing to mend`, async () => {
  assert.deepEqual(await interfaces.create(links), [])
  assert.equal((await devices()).length, COUNT)
  assert.deepEqual(await interfaces.reconcile(links), NOTHING)
})

await step('packets for another part of the pool end in the blackhole, those for a link do not', async () => {
  assert.match(ip('-6', 'route', 'get', some.ipv6Client), /dev fn6-7 /)
  assert.throws(() => ip('-6', 'route', 'get', '2001:db8:f6:ffff::2'), /Invalid argument|unreachable/)
})

await step('making links again succeeds', async () => {
  assert.deepEqual(await interfaces.create(links.slice(0, 20)), [])
  assert.deepEqual(await interfaces.reconcile(links), NOTHING)
})

await step('what was broken by hand is mended, strays go, foreign devices stay', async () => {
  ip('link', 'del', 'fn6-1')
  ip('tunnel', 'change', 'fn6-2', 'mode', 'sit', 'remote', '198.18.99.99', 'local', '192.0.2.1', 'ttl', '64')
  ip('link', 'set', 'fn6-3', 'mtu', '1300')
  ip('link', 'set', 'fn6-4', 'down')
  ip('-6', 'address', 'flush', 'dev', 'fn6-5', 'scope', 'global')
  ip('address', 'add', '2001:db8:f6:6:7::1/64', 'dev', 'fn6-6')
  ip('tunnel', 'add', 'fn6-999', 'mode', 'sit', 'remote', '198.18.77.77', 'local', '192.0.2.1', 'ttl', '64')
  ip('tunnel', 'add', 'other0', 'mode', 'sit', 'remote', '198.18.77.78', 'local', '192.0.2.1', 'ttl', '64')
  ip('link', 'add', 'fn6-dummy', 'type', 'dummy')
  assert.deepEqual(await interfaces.reconcile(links), {
    made: ['fn6-1', 'fn6-2', 'fn6-3', 'fn6-4', 'fn6-5', 'fn6-6'],
    removed: ['fn6-999'],
    faults: [],
  })
  assert.deepEqual(await interfaces.reconcile(links), NOTHING)
  assert.match(ip('-br', 'link'), /other0@NONE[\s\S]*fn6-dummy/)
})

await step('a link moves to a new remote and back, with its address', async () => {
  const moved = link(7, '198.18.50.50')
  assert.deepEqual(await interfaces.changeRemote([moved]), [])
  assert.deepEqual(await interfaces.reconcile([...links.slice(0, 7), moved, ...links.slice(8)]), NOTHING)
  assert.deepEqual(await interfaces.changeRemote([some]), [])
  assert.deepEqual(await interfaces.reconcile(links), NOTHING)
})

await step(
  'a remote that is taken is refused with the kernel’s reason, and the link stays as it was',
  async () => {
    const taken = [{ device: 'fn6-7', reason: 'File exists' }]
    assert.deepEqual(await interfaces.changeRemote([link(7, links[8]?.ipv4Client)]), taken)
    assert.deepEqual(await interfaces.create([link(500, '198.18.77.78')]), [
      { device: 'fn6-500', reason: 'File exists' },
    ])
    assert.deepEqual(await interfaces.reconcile(links), NOTHING)
  },
)

await step('a foreign device that has a link’s name is not removed', async () => {
  ip('link', 'add', 'fn6-5000', 'type', 'dummy')
  assert.equal((await interfaces.create([link(5000)])).length, 1)
  assert.match(ip('-details', 'link', 'show', 'fn6-5000'), /dummy/)
})

await step('one bad row among many spoils nothing', async () => {
  const bad = { ...link(600), ipv6Server: 'fe80::bad::1' }
  const faults = await interfaces.create([link(599), bad, link(601)])
  assert.deepEqual(
    faults.map(fault => fault.device),
    ['fn6-600'],
  )
  assert.deepEqual(await interfaces.remove(['fn6-599', 'fn6-601', 'fn6-600']), [])
})

await step('all links are removed, twice, and foreign devices stay', async () => {
  const ours = links.map(({ device }) => device)
  assert.deepEqual(await interfaces.remove(ours), [])
  // A few are enough: for each name that is gone the kernel looks for a module, which takes the guest long.
  assert.deepEqual(await interfaces.remove(ours.slice(0, 5)), [])
  assert.deepEqual(await devices(), [])
  assert.match(ip('-br', 'link'), /other0/)
})

await step('1000 links are made in one batch and removed', async () => {
  const thousand = Array.from({ length: 1000 }, (_, index) => link(index))
  assert.deepEqual(await interfaces.create(thousand), [])
  assert.deepEqual(await interfaces.reconcile(thousand), NOTHING)
  const { removed, faults } = await interfaces.reconcile([])
  assert.deepEqual([removed.length, faults], [1000, []])
  assert.deepEqual(await devices(), [])
})

function shared(devicePrefix: string): SharedLayout {
  assert.ok(prefix)
  return new SharedLayout({ devicePrefix, serverIpv4: '192.0.2.1', mtu: 1480, prefix, capacity: 2000 })
}

await step(
  'the shared device of another device_prefix makes room, one of somebody else is named',
  async () => {
    assert.deepEqual(await shared(DEVICE_PREFIX).prepare(), [])
    const layout = shared('tun-')
    assert.deepEqual(await layout.prepare(), [])
    const one = { ...link(1), device: 'tun-1' }
    assert.deepEqual(await layout.reconcile([one]), { made: ['tun-1'], removed: ['fn6-all'], faults: [] })
    assert.doesNotMatch(ip('-6', 'rule', 'show'), /fn6-all/)
    ip('-6', 'rule', 'del', 'priority', '246', 'iif', 'tun-all') // nobody's then
    const [fault] = await shared(DEVICE_PREFIX).prepare()
    assert.match(fault?.reason ?? '', /^tun-all, which is not freenet6's/)
  },
)
