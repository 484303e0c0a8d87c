import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedLayoutWatch } from '../../../src/kind/sit/shared-layout-watch.ts'
import { isHarm, PATIENT_MS } from './fake-monitors.ts'

const NETWORK = '20010db800f60001'
const ENDPOINT = '198.51.100.1'

/** Watches a kernel that has one tunnel. */
function startWatch(harmed: () => void): SharedLayoutWatch {
  return new SharedLayoutWatch({
    device: 'fn6-all',
    pool: '2001:db8:f6::/48',
    isWanted: ({ endpoint, network }) => network === NETWORK && (endpoint ?? ENDPOINT) === ENDPOINT,
    harmed,
  })
}

const ROUTE = '2001:db8:f6:1::/64 via ::198.51.100.1 dev fn6-all proto 246 metric 1024 onlink pref medium'

const HARMS = {
  'the route is deleted': { ip: `Deleted ${ROUTE}` },
  'the route is replaced by one that leads elsewhere': { ip: ROUTE.replace('198.51.100.1', '192.0.2.99') },
  'the route is replaced by somebody’s own': { ip: '2001:db8:f6:1::/64 dev dummy0 metric 1024 pref medium' },
  'the server’s address is deleted': {
    ip: 'Deleted local 2001:db8:f6:1::1 dev lo table local proto 246 metric 1024 pref medium',
  },
  'the pool’s own route is deleted': {
    ip: 'Deleted unreachable 2001:db8:f6::/48 dev lo metric 4278198271 error -101 pref medium',
  },
  'the device is changed': { ip: '9: fn6-all@NONE: <NOARP> mtu 1480 qdisc noqueue state DOWN group default' },
  'the element is deleted': {
    nft: 'delete element ip freenet6 tunnels { 198.51.100.1 . 0x20010db800f60001 }',
  },
  'the filter is deleted': { nft: 'delete table ip freenet6' },
  'the clamp is deleted': { nft: 'delete table ip6 freenet6' },
} as const

for (const [what, lines] of Object.entries(HARMS)) {
  test(`${what}: that is harm`, async t => assert.equal(await isHarm(t, lines, startWatch, PATIENT_MS), true))
}

const NO_HARMS = {
  'the route is made': { ip: ROUTE },
  'the route is deleted and made again': { ip: `Deleted ${ROUTE}\n${ROUTE}` },
  'the route of nobody is deleted': { ip: `Deleted ${ROUTE.replace('f6:1', 'f6:2')}` },
  'the endpoint of before is taken out of the set': {
    nft: 'delete element ip freenet6 tunnels { 192.0.2.99 . 0x20010db800f60001 }',
  },
  'a route of somebody else’s is made': {
    ip: '2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium',
  },
} as const

for (const [what, lines] of Object.entries(NO_HARMS)) {
  test(`${what}: that is none`, async t => assert.equal(await isHarm(t, lines, startWatch), false))
}
