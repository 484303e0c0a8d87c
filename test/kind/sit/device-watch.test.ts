import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeviceWatch } from '../../../src/kind/sit/device-watch.ts'
import { isHarm, PATIENT_MS } from './fake-monitors.ts'

const LINK = {
  device: 'fn6-0',
  ipv4Client: '198.51.100.1',
  ipv6Client: '2001:db8:f6::2',
  ipv6Server: '2001:db8:f6::1',
  routedPrefix: '2001:db8:8000::/56',
}

/** Watches a kernel that has one tunnel. */
function startWatch(harmed: () => void, isChanging = false): DeviceWatch {
  return new DeviceWatch({
    outer: { serverIpv4: '192.0.2.1', mtu: 1480 },
    pools: ['2001:db8:f6::/48', '2001:db8:8000::/44'],
    linkOf: device => (device === LINK.device ? LINK : undefined),
    isChanging: () => isChanging,
    harmed,
  })
}

const WHOLE =
  '6: fn6-0@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN group default \\    link/sit 192.0.2.1 peer 198.51.100.1'
const ADDRESS =
  '6: fn6-0    inet6 2001:db8:f6::1/64 scope global \\       valid_lft forever preferred_lft forever'

const ROUTE = '2001:db8:8000::/56 dev fn6-0 proto 246 metric 1024 pref medium'

const HARMS = {
  'the device is deleted': { ip: `Deleted ${WHOLE}` },
  'the device is down': { ip: WHOLE.replace(',UP,LOWER_UP', '') },
  'the device has another remote': { ip: WHOLE.replace('198.51.100.1', '192.0.2.99') },
  'the device has another end of ours': { ip: WHOLE.replace('192.0.2.1 ', '192.0.2.98 ') },
  'the device has another MTU': { ip: WHOLE.replace('1480', '1400') },
  'the address is deleted': { ip: `Deleted ${ADDRESS}` },
  'the pool’s own route is deleted': {
    ip: 'Deleted blackhole 2001:db8:f6::/48 dev lo metric 4278198272 pref medium',
  },
  'the pool of routed prefixes has lost its route': {
    ip: 'Deleted blackhole 2001:db8:8000::/44 dev lo metric 4278198272 pref medium',
  },
  'the route of the routed prefix is deleted': { ip: `Deleted ${ROUTE}` },
  'the filter is flushed': { nft: 'delete table ip6 freenet6' },
  'a rule of the filter is deleted': { nft: 'delete rule ip6 freenet6 source handle 2' },
} as const

for (const [what, lines] of Object.entries(HARMS)) {
  test(`${what}: that is harm`, async t => assert.equal(await isHarm(t, lines, startWatch, PATIENT_MS), true))
}

const NO_HARMS = {
  'the device is made, step by step': { ip: `${WHOLE.replace(',UP,LOWER_UP', '')}\n${WHOLE}\n${ADDRESS}` },
  'the address is deleted and given again': { ip: `Deleted ${ADDRESS}\n${ADDRESS}` },
  'the route of the routed prefix is deleted and made again': { ip: `Deleted ${ROUTE}\n${ROUTE}` },
  'the link-local address is deleted': { ip: `Deleted ${ADDRESS.replace('scope global', 'scope link')}` },
  'the device of nobody is deleted': { ip: `Deleted ${WHOLE.replace('fn6-0', 'fn6-7')}` },
  'the filter of somebody else is deleted': { nft: 'delete table ip6 firewall' },
} as const

for (const [what, lines] of Object.entries(NO_HARMS)) {
  test(`${what}: that is none`, async t => assert.equal(await isHarm(t, lines, startWatch), false))
}

test('while a change of our own is under way nothing is judged', async t => {
  assert.equal(await isHarm(t, HARMS['the device is down'], harmed => startWatch(harmed, true)), false)
})
