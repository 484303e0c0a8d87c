/** Both ways to our routes through one table of cases, on the real kernel in a network of the test's own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, test } from 'node:test'
import { runIp } from '../../../src/kernel/ip-command.ts'
import { Netlink } from '../../../src/kernel/netlink.ts'
import { NetlinkRoutes } from '../../../src/kind/sit/netlink-routes.ts'
import type { Entry } from '../../../src/kind/sit/shared-layout-entry.ts'
import { IpRoutes, type RouteTable } from '../../../src/kind/sit/shared-layout-routes.ts'
import { enterOwnNetwork } from '../../own-network.ts'
import { missingPackages } from '../../packages.ts'

const DEVICE = 'fn6-all'
const missing = (await missingPackages(['ip'])) ?? (await enterOwnNetwork())
const SKIP = { skip: missing ?? false }

const netlink = await Netlink.open()
assert.ok(netlink)
const TABLES: readonly (readonly [string, RouteTable])[] = [
  ['ip', new IpRoutes(runIp, DEVICE)],
  ['netlink', new NetlinkRoutes(netlink, DEVICE)],
]

function entry(index: number, endpoint = `198.51.100.${index}`): Entry {
  const network = `20010db800f6${index.toString(16).padStart(4, '0')}`
  return {
    device: `fn6-${index}`,
    endpoint,
    network,
    length: 64,
    serverAddress: `2001:db8:f6:${index.toString(16)}::1`,
  }
}

function ip(line: string): string {
  return execFileSync('ip', line.split(' '), { encoding: 'utf8' })
}

if (missing === undefined) {
  ip('link set lo up')
  ip(`link add ${DEVICE} type veth peer name far0`)
  ip('link set far0 up')
  ip(`link set ${DEVICE} up`)
  after(() => ip(`link del ${DEVICE}`))
}

for (const [name, table] of TABLES) {
  test(`${name}: routes that were put are listed, by either way`, SKIP, async () => {
    assert.deepEqual(await table.put([entry(1), entry(2)]), new Map())
    for (const [, reader] of TABLES) {
      const listing = await reader.list()
      assert.ok(listing.kind === 'routes')
      assert.deepEqual(Object.fromEntries(listing.ways), {
        [entry(1).network]: { endpoint: '198.51.100.1', length: 64 },
        [entry(2).network]: { endpoint: '198.51.100.2', length: 64 },
      })
      assert.deepEqual(Object.fromEntries(listing.serverAddresses), {
        [entry(1).network]: '2001:db8:f6:1::1',
        [entry(2).network]: '2001:db8:f6:2::1',
      })
    }
    await table.take([entry(1), entry(2)])
  })

  test(
    `${name}: a routed prefix has a way of its own length, and no address of the server`,
    SKIP,
    async () => {
      const routed = { ...entry(1), network: '20010db880000100', length: 56, serverAddress: undefined }
      assert.deepEqual(await table.put([entry(1), routed]), new Map())
      for (const [, reader] of TABLES) {
        const listing = await reader.list()
        assert.ok(listing.kind === 'routes')
        assert.deepEqual(listing.ways.get(routed.network), { endpoint: '198.51.100.1', length: 56 })
        assert.equal(listing.serverAddresses.size, 1)
      }
      assert.deepEqual(await table.take([entry(1), routed]), new Map())
      assert.equal(ip(`-6 route show dev ${DEVICE} proto 246`), '')
    },
  )

  test(`${name}: a way has an MTU of its own, locked, until it is put without`, SKIP, async () => {
    const small = { ...entry(1), mtu: 1300 }
    assert.deepEqual(await table.put([small]), new Map())
    assert.match(ip(`-6 route show dev ${DEVICE} proto 246`), / mtu lock 1300 /)
    for (const [, reader] of TABLES) {
      const listing = await reader.list()
      assert.ok(listing.kind === 'routes')
      assert.equal(listing.ways.get(small.network)?.mtu, 1300)
    }
    await table.put([entry(1)])
    assert.doesNotMatch(ip(`-6 route show dev ${DEVICE} proto 246`), /mtu/)
    await table.take([entry(1)])
  })

  test(`${name}: a route that is put again has the new endpoint and no other`, SKIP, async () => {
    await table.put([entry(1)])
    assert.deepEqual(await table.put([entry(1, '203.0.113.7')]), new Map())
    assert.equal(
      ip(`-6 route show dev ${DEVICE} proto 246`).trim().replaceAll(/\s+/g, ' '),
      '2001:db8:f6:1::/64 via ::203.0.113.7 metric 1024 onlink pref medium',
    )
    await table.take([entry(1)])
  })

  test(`${name}: the server’s address is a local one`, SKIP, async () => {
    await table.put([entry(1)])
    assert.match(ip('-6 route get 2001:db8:f6:1::1'), /^local /)
    await table.take([entry(1)])
    assert.doesNotMatch(ip('-6 route show table local'), /2001:db8/)
  })

  test(`${name}: taking what is gone is no fault, and routes of others stay`, SKIP, async () => {
    ip(`-6 route add 2001:db8:f6:9::/64 dev ${DEVICE} proto 99`)
    assert.deepEqual(await table.take([entry(9)]), new Map())
    assert.match(ip(`-6 route show dev ${DEVICE}`), /2001:db8:f6:9::\/64/)
    ip(`-6 route del 2001:db8:f6:9::/64 dev ${DEVICE}`)
  })

  test(`${name}: without the device each tunnel has its fault`, SKIP, async () => {
    ip(`link set ${DEVICE} name other0`)
    const faults = await table.put([entry(1), entry(2)])
    ip(`link set other0 name ${DEVICE}`)
    assert.equal(faults.size, 2)
    await table.take([entry(1), entry(2)])
  })

  test(`${name}: 5,000 routes are put, listed and taken`, SKIP, async () => {
    const many = Array.from({ length: 5000 }, (_, i) => entry(i + 1, '198.51.100.1'))
    assert.equal((await table.put(many)).size, 0)
    const listing = await table.list()
    assert.ok(listing.kind === 'routes')
    assert.deepEqual([listing.ways.size, listing.serverAddresses.size], [5000, 5000])
    assert.equal((await table.take(many)).size, 0)
    assert.equal(ip(`-6 route show dev ${DEVICE} proto 246`), '')
  })
}

test(
  'netlink: of many changes in one call the one that the kernel refuses is named, and the others are made',
  SKIP,
  async () => {
    const table = new NetlinkRoutes(netlink, DEVICE)
    const many = Array.from({ length: 200 }, (_, i) => entry(i + 1, `198.51.100.${i + 1}`))
    const wrong = [entry(50), entry(64), entry(200)].map(one => ({ ...one, length: 250 }))
    const wanted = many.map(one => wrong.find(({ network }) => network === one.network) ?? one)
    const faults = await table.put(wanted)
    assert.deepEqual(
      [...faults].map(([{ device }, fault]) => [device, fault]),
      [
        ['fn6-50', 'EINVAL'],
        ['fn6-64', 'EINVAL'],
        ['fn6-200', 'EINVAL'],
      ],
    )
    const listing = await table.list()
    assert.ok(listing.kind === 'routes')
    assert.equal(listing.ways.size, 197)
    assert.deepEqual(await table.take(many), new Map())
  },
)
