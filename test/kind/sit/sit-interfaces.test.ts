import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Prefix } from '../../../src/address/prefix.ts'
import { parsePrefix } from '../../../src/address/prefix.ts'
import type { IpOutcome } from '../../../src/kernel/ip-command.ts'
import { SitInterfaces, type SitOptions } from '../../../src/kind/sit/sit-interfaces.ts'
import type { Link, LinkFault } from '../../../src/tunnel/interface.ts'
import { FakeKernel } from './fake-kernel.ts'

function setUp(options: Partial<SitOptions> = {}) {
  const kernel = new FakeKernel()
  const interfaces = new SitInterfaces({
    devicePrefix: 'fn6-',
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    prefix: parsePrefix('2001:db8:f6::/48') as Prefix,
    runIp: kernel.run,
    ...options,
  })
  return { kernel, interfaces }
}

function link(index: number, ipv4Client = `198.51.100.${index}`): Link {
  const network = `2001:db8:f6:${index.toString(16)}`
  return { device: `fn6-${index}`, ipv4Client, ipv6Server: `${network}::1`, ipv6Client: `${network}::2` }
}

const links = (count: number) => Array.from({ length: count }, (_, i) => link(i + 1))

test('a link is made complete: remote, local, ttl, mtu, up, address', async () => {
  const { kernel, interfaces } = setUp()
  assert.deepEqual(await interfaces.create([link(1)]), [])
  assert.deepEqual(kernel.lines, [
    'link add name fn6-1 mtu 1480 up type sit mode ip6ip remote 198.51.100.1 local 192.0.2.1 ttl 64',
    'address add 2001:db8:f6:1::1/64 dev fn6-1',
  ])
})

test('others’ routes to a routed prefix are looked for before its own is put, when it is made and when it is given', async () => {
  const looked: (readonly string[])[] = []
  const { interfaces } = setUp({ tellForeign: async networks => void looked.push(networks) })
  await interfaces.create([link(1), { ...link(2), routedPrefix: '2001:db8:8000::/56' }])
  await interfaces.changeRemote([{ ...link(1), routedPrefix: '2001:db8:8000:100::/56' }])
  assert.deepEqual(looked, [['2001:db8:8000::/56'], ['2001:db8:8000:100::/56']])
})

test('many links are made in one call', async () => {
  const { kernel, interfaces } = setUp()
  assert.deepEqual(await interfaces.create(links(200)), [])
  assert.equal(kernel.calls.length, 1)
  assert.equal(kernel.devices.size, 200)
})

test('no links are no call', async () => {
  const { kernel, interfaces } = setUp()
  assert.deepEqual(await interfaces.create([]), [])
  assert.equal(kernel.calls.length, 0)
})

test('one link that fails does not keep the others from being made', async () => {
  const { kernel, interfaces } = setUp()
  kernel.broken = { match: /name fn6-2 /, words: 'RTNETLINK answers: No buffer space available' }
  const faults = await interfaces.create(links(3))
  assert.deepEqual(faults, [{ device: 'fn6-2', reason: 'No buffer space available' }])
  assert.deepEqual([...kernel.devices.keys()], ['fn6-1', 'fn6-3'])
})

test('a link that fails half-way is taken back', async () => {
  const { kernel, interfaces } = setUp()
  kernel.broken = { match: /^address add .* fn6-2$/, words: 'RTNETLINK answers: Permission denied' }
  const faults = await interfaces.create(links(3))
  assert.deepEqual(faults, [{ device: 'fn6-2', reason: 'Permission denied' }])
  assert.deepEqual([...kernel.devices.keys()], ['fn6-1', 'fn6-3'])
})

test('a link that is there already, whole or half, is made anew', async () => {
  const { kernel, interfaces } = setUp()
  kernel.add('fn6-1', { remote: '198.51.100.1', mtu: 1300 })
  assert.deepEqual(await interfaces.create(links(2)), [])
  assert.deepEqual(kernel.devices.get('fn6-1')?.addresses, ['2001:db8:f6:1::1/64'])
  assert.equal(kernel.devices.get('fn6-1')?.mtu, 1480)
})

test('a remote that another device has is the reason that is reported, and that device stays', async () => {
  const { kernel, interfaces } = setUp()
  kernel.add('other0', { remote: '198.51.100.1' })
  assert.deepEqual(await interfaces.create([link(1)]), [{ device: 'fn6-1', reason: 'File exists' }])
  assert.deepEqual([...kernel.devices.keys()], ['other0'])
})

test('a device of another kind that has our name is never removed', async () => {
  const { kernel, interfaces } = setUp()
  kernel.add('fn6-1', { kind: 'dummy' })
  const faults = await interfaces.create([link(1)])
  assert.deepEqual(
    faults.map(fault => fault.device),
    ['fn6-1'],
  )
  assert.equal(kernel.devices.get('fn6-1')?.kind, 'dummy')
})

test('an ip that ends in the middle of a batch makes all of its links faults, and takes them back', async () => {
  const { kernel, interfaces } = setUp()
  kernel.endsAt = /^address add .* fn6-2$/
  const faults = await interfaces.create(links(3))
  assert.deepEqual(
    faults.map(fault => fault.device),
    ['fn6-1', 'fn6-2', 'fn6-3'],
  )
  assert.match(faults[0]?.reason ?? '', /valid prefix is expected/)
  assert.equal(kernel.devices.size, 0)
})

test('an ip that can not be run is a fault of each link', async () => {
  const dead: IpOutcome = { status: -1, stdout: '', stderr: 'ip can not be run: ENOENT' }
  const { interfaces } = setUp({ runIp: async () => dead })
  assert.deepEqual(await interfaces.create(links(2)), [
    { device: 'fn6-1', reason: 'ip can not be run: ENOENT' },
    { device: 'fn6-2', reason: 'ip can not be run: ENOENT' },
  ])
})

for (const [what, strange] of [
  ['a line of its own', { ...link(1), ipv6Server: '::1/64 dev lo\nlink del eth0' }],
  ['an endpoint that is none', { ...link(1), ipv4Client: '198.51.100.1 dev eth0' }],
  ['a device of somebody else', { ...link(1), device: 'eth0' }],
  ['a device name that is too long', { ...link(1), device: 'fn6-123456789012' }],
  ['a device name with a blank', { ...link(1), device: 'fn6-1 up' }],
] as const) {
  test(`a row with ${what} is a fault, and ip never hears of it`, async () => {
    const { kernel, interfaces } = setUp()
    const faults = await interfaces.create([strange, link(2)])
    assert.deepEqual(faults, [
      { device: strange.device, reason: 'the row holds no proper device name and addresses' },
    ])
    assert.equal(kernel.lines.length, 2)
  })
}

test('a link is pointed to its new remote', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create([link(1)])
  assert.deepEqual(await interfaces.changeRemote([link(1, '203.0.113.9')]), [])
  assert.equal(kernel.devices.get('fn6-1')?.remote, '203.0.113.9')
  assert.deepEqual(kernel.devices.get('fn6-1')?.addresses, ['2001:db8:f6:1::1/64'])
})

test('a link that went missing is made when its remote changes', async () => {
  const { kernel, interfaces } = setUp()
  assert.deepEqual(await interfaces.changeRemote([link(1)]), [])
  assert.equal(kernel.devices.get('fn6-1')?.remote, '198.51.100.1')
})

test('a remote that is taken leaves the link as it was', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create(links(2))
  const faults = await interfaces.changeRemote([link(1, '198.51.100.2')])
  assert.deepEqual(faults, [{ device: 'fn6-1', reason: 'File exists' }])
  assert.equal(kernel.devices.get('fn6-1')?.remote, '198.51.100.1')
})

test('links are removed, and one that is gone already is no fault', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create(links(2))
  assert.deepEqual(await interfaces.remove(['fn6-1', 'fn6-7', 'fn6-2']), [])
  assert.equal(kernel.devices.size, 0)
})

test('a device without our prefix is not removed', async () => {
  const { kernel, interfaces } = setUp()
  kernel.add('sit1', { remote: '198.51.100.1' })
  assert.deepEqual(await interfaces.remove(['sit1']), [
    { device: 'sit1', reason: 'the name does not begin with fn6-' },
  ])
  assert.equal(kernel.devices.size, 1)
})

test('a reconciliation of what is right touches nothing', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create(links(3))
  kernel.lines.length = 0
  assert.deepEqual(await interfaces.reconcile(links(3)), { made: [], removed: [], faults: [] })
  assert.deepEqual(kernel.lines, [])
})

test('a reconciliation makes what is missing and removes our strays alone', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create([link(1), link(8), link(9)])
  kernel.add('sit0', { remote: 'any', local: 'any' })
  kernel.add('he-ipv6', { remote: '203.0.113.1' })
  kernel.add('fn6-dummy', { kind: 'dummy' })
  assert.deepEqual(await interfaces.reconcile(links(3)), {
    made: ['fn6-2', 'fn6-3'],
    removed: ['fn6-8', 'fn6-9'],
    faults: [],
  })
  assert.deepEqual([...kernel.devices.keys()].sort(), [
    'fn6-1',
    'fn6-2',
    'fn6-3',
    'fn6-dummy',
    'he-ipv6',
    'sit0',
  ])
})

for (const [what, wrong] of [
  ['another remote', { remote: '203.0.113.1' }],
  ['another local address', { local: '192.0.2.99' }],
  ['another mtu', { mtu: 1280 }],
  ['been set down', { up: false }],
  ['lost its address', { addresses: [] }],
  ['an address of another tunnel too', { addresses: ['2001:db8:f6:1::1/64', '2001:db8:f6:2::1/64'] }],
] as const) {
  test(`a reconciliation mends a link that has ${what}`, async () => {
    const { kernel, interfaces } = setUp()
    await interfaces.create(links(2))
    const right = structuredClone(kernel.devices.get('fn6-1'))
    kernel.add('fn6-1', { ...right, ...wrong, addresses: [...('addresses' in wrong ? wrong.addresses : [])] })
    assert.deepEqual(await interfaces.reconcile(links(2)), { made: ['fn6-1'], removed: [], faults: [] })
    assert.deepEqual(kernel.devices.get('fn6-1'), right)
  })
}

test('a reconciliation untangles links that have each other’s remotes', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create([link(1, '198.51.100.2'), link(2, '198.51.100.1')])
  assert.deepEqual(await interfaces.reconcile(links(2)), {
    made: ['fn6-1', 'fn6-2'],
    removed: [],
    faults: [],
  })
  assert.equal(kernel.devices.get('fn6-1')?.remote, '198.51.100.1')
})

for (const [what, outcome] of [
  ['fails', { status: 1, stdout: '', stderr: 'Cannot open netlink socket: Permission denied' }],
  ['answers in prose', { status: 0, stdout: '3: fn6-1: <UP>', stderr: '' }],
  ['answers with another kind of JSON', { status: 0, stdout: '{"a":1}', stderr: '' }],
] as const) {
  test(`a listing that ${what} changes nothing`, async () => {
    const { kernel, interfaces } = setUp({
      runIp: (args, input) => (args[0] === '-json' ? Promise.resolve(outcome) : kernel.run(args, input)),
    })
    const { made, removed, faults } = await interfaces.reconcile(links(1))
    assert.deepEqual([made, removed, faults.length, kernel.lines], [[], [], 1, []])
  })
}

test('a listing with strange entries is read as far as it makes sense', async () => {
  const strange = [
    null,
    7,
    {},
    { ifname: 5 },
    { ifname: 'fn6-8', linkinfo: 'x' },
    { ifname: 'fn6-9', linkinfo: { info_kind: 'sit' } },
  ]
  const { kernel, interfaces } = setUp({
    runIp: (args, input) =>
      args[0] === '-json'
        ? Promise.resolve({ status: 0, stdout: JSON.stringify(strange), stderr: '' })
        : kernel.run(args, input),
  })
  assert.deepEqual((await interfaces.reconcile([])).removed, ['fn6-9'])
})

test('the preparation sets the blackhole route and turns forwarding on, as often as wished', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'sit-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const forwardingPath = join(dir, 'forwarding')
  writeFileSync(forwardingPath, '0\n')
  const { kernel, interfaces } = setUp({ forwardingPath })
  assert.deepEqual(await interfaces.prepare(), [])
  assert.deepEqual(await interfaces.prepare(), [])
  assert.equal(readFileSync(forwardingPath, 'utf8'), '1\n')
  assert.match(kernel.routes[0] ?? '', /^-6 route replace blackhole 2001:db8:f6::\/48 metric \d+$/)
})

test('what can not be prepared is reported, and the rest is done', async () => {
  const filterFault = { device: 'fn6-*', reason: 'no source filter' }
  const { kernel, interfaces } = setUp({
    forwardingPath: '/nonexistent/forwarding',
    sourceFilter: async () => filterFault,
  })
  kernel.broken = { match: /route/, words: 'RTNETLINK answers: Operation not permitted' }
  const faults = await interfaces.prepare()
  assert.equal(faults.length, 3)
  assert.equal(faults[0]?.reason, 'no blackhole route for 2001:db8:f6::/48: Operation not permitted')
  assert.match(
    faults[1]?.reason ?? '',
    /^IPv6 forwarding is not on; run sysctl -w net\.ipv6\.conf\.all\.forwarding=1 on the host \(/,
  )
  assert.equal(faults[2], filterFault)
})

test('without the source filter there is no link, and one that has gone for it comes back with it', async () => {
  let filterFault: LinkFault | undefined
  const { kernel, interfaces } = setUp({ sourceFilter: async () => filterFault })
  await interfaces.create([link(1)])
  filterFault = { device: 'fn6-*', reason: 'no source filter' }
  await interfaces.prepare()
  assert.deepEqual([...kernel.devices.keys()], [])
  assert.deepEqual(await interfaces.create([link(2)]), [{ device: 'fn6-2', reason: 'no source filter' }])
  const { made, faults } = await interfaces.reconcile([link(1, '203.0.113.5'), link(2)])
  assert.deepEqual([made, faults.map(({ device }) => device)], [[], ['fn6-1', 'fn6-2']])
  filterFault = undefined
  await interfaces.prepare()
  assert.deepEqual((await interfaces.reconcile([link(1), link(2)])).made, ['fn6-1', 'fn6-2'])
})

test('a link that was being made while the source filter was lost goes again', async () => {
  let filterFault: LinkFault | undefined
  const { kernel, interfaces } = setUp({ sourceFilter: async () => filterFault })
  const creation = interfaces.create([link(1)])
  filterFault = { device: 'fn6-*', reason: 'no source filter' }
  await interfaces.prepare()
  assert.deepEqual(await creation, [{ device: 'fn6-1', reason: 'no source filter' }])
  assert.deepEqual([...kernel.devices.keys()], [])
})

test('links that are amiss are named and left as they are', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create(links(2))
  assert.deepEqual(await interfaces.amiss([link(1), link(2, '203.0.113.5'), link(3)]), ['fn6-2', 'fn6-3'])
  assert.deepEqual([...kernel.devices.keys()], ['fn6-1', 'fn6-2'])
})

test('nobody knows what is amiss, and nobody is heard, if ip does not answer', async () => {
  const { interfaces } = setUp({ runIp: async () => ({ status: 1, stdout: '', stderr: 'no' }) })
  assert.equal(await interfaces.amiss([link(1)]), undefined)
  assert.equal((await interfaces.signsOfLife(['fn6-1'])).size, 0)
})

test('a routed prefix comes and goes with a change of the device; one that is gone already is no fault', async () => {
  const { kernel, interfaces } = setUp()
  const routed = { ...link(1), routedPrefix: '2001:db8:8000:100::/56' }
  await interfaces.create([link(1)])
  kernel.lines.length = 0
  assert.deepEqual(await interfaces.changeRemote([routed]), [])
  assert.ok(kernel.lines.includes('route replace 2001:db8:8000:100::/56 dev fn6-1 proto 246'))
  kernel.broken = { match: /route del/, words: 'RTNETLINK answers: No such process' }
  assert.deepEqual(await interfaces.changeRemote([link(1)]), [])
  assert.ok(kernel.lines.includes('route del 2001:db8:8000:100::/56 dev fn6-1 proto 246'))
})

test('a device has the MTU that its tunnel wants, made and changed', async () => {
  const { kernel, interfaces } = setUp()
  await interfaces.create([{ ...link(1), mtu: 1300 }])
  assert.ok(kernel.lines[0]?.startsWith('link add name fn6-1 mtu 1300 up'))
  assert.deepEqual(await interfaces.changeRemote([link(1)]), [])
  assert.ok(kernel.lines.includes('link set dev fn6-1 mtu 1480'))
})
