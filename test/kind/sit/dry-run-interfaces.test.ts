import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Prefix, parsePrefix } from '../../../src/address/prefix.ts'
import { DryRunInterfaces } from '../../../src/kind/sit/dry-run-interfaces.ts'
import type { Link } from '../../../src/tunnel/interface.ts'

function setUp() {
  const logged: { readonly facts: object; readonly message: string }[] = []
  const note = (facts: object, message: string) => logged.push({ facts, message })
  const interfaces = new DryRunInterfaces({
    log: { debug: () => undefined, info: note, warn: () => undefined, error: () => undefined },
    serverIpv4: '192.0.2.1',
    mtu: 1480,
    prefix: parsePrefix('2001:db8:f6::/48') as Prefix,
  })
  return { interfaces, logged }
}

function link(index: number, ipv4Client = `198.51.100.${index}`): Link {
  const network = `2001:db8:f6:${index.toString(16)}`
  return { device: `fn6-${index}`, ipv4Client, ipv6Server: `${network}::1`, ipv6Client: `${network}::2` }
}

test('a dry run records and logs what ip would be asked', async () => {
  const { interfaces, logged } = setUp()
  assert.deepEqual(await interfaces.create([link(1)]), [])
  const commands = [
    'link add name fn6-1 mtu 1480 up type sit mode ip6ip remote 198.51.100.1 local 192.0.2.1 ttl 64',
    'address add 2001:db8:f6:1::1/64 dev fn6-1',
  ]
  assert.deepEqual(interfaces.record, commands)
  assert.deepEqual(logged, [{ facts: { commands, links: 1 }, message: 'dry run: ip would be asked' }])
})

test('a dry run would set the blackhole route', async () => {
  const { interfaces } = setUp()
  assert.deepEqual(await interfaces.prepare(), [])
  assert.match(interfaces.record[0] ?? '', /^-6 route replace blackhole 2001:db8:f6::\/48 /)
})

test('a dry run succeeds at moving and removing, and removes only what is there', async () => {
  const { interfaces } = setUp()
  await interfaces.create([link(1)])
  assert.deepEqual(await interfaces.changeRemote([link(1, '203.0.113.5')]), [])
  assert.deepEqual(await interfaces.remove(['fn6-1', 'fn6-2']), [])
  assert.deepEqual(interfaces.record.slice(2), [
    'link set dev fn6-1 type sit mode ip6ip remote 203.0.113.5 local 192.0.2.1 ttl 64',
    'tunnel del fn6-1',
  ])
})

test('a reconciliation in a dry run reports what it made, mended and removed', async () => {
  const { interfaces } = setUp()
  await interfaces.create([link(1), link(2), link(9)])
  assert.deepEqual(await interfaces.reconcile([link(1), link(2, '203.0.113.5'), link(3)]), {
    made: ['fn6-2', 'fn6-3'],
    removed: ['fn6-9'],
    faults: [],
  })
  assert.deepEqual(await interfaces.reconcile([link(1), link(2, '203.0.113.5'), link(3)]), {
    made: [],
    removed: [],
    faults: [],
  })
})

test('the record of a dry run is bounded and keeps the latest', async () => {
  const { interfaces, logged } = setUp()
  await interfaces.create(Array.from({ length: 3000 }, (_, i) => link(i)))
  assert.equal(interfaces.record.length, 1000)
  assert.equal(interfaces.record.at(-1), 'address add 2001:db8:f6:bb7::1/64 dev fn6-2999')
  assert.ok(JSON.stringify(logged).length < 5000)
})
