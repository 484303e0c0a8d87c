import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceTraffic, isComplete, listLinks } from '../../src/kernel/kernel-link.ts'

const LINK = {
  device: 'fn6-1',
  ipv4Client: '198.51.100.7',
  ipv6Server: '2001:db8:f6:1::1',
  ipv6Client: '2001:db8:f6:1::2',
}
const OUTER = { serverIpv4: '192.0.2.1', mtu: 1480 }
const GOOD_ADDRESS = { family: 'inet6', local: '2001:db8:f6:1::1', prefixlen: 64, scope: 'global' }

async function isCompleteWith(addresses: readonly object[]): Promise<boolean> {
  const entry = {
    ifname: 'fn6-1',
    flags: ['UP'],
    mtu: 1480,
    linkinfo: { info_kind: 'sit', info_data: { remote: '198.51.100.7', local: '192.0.2.1', ttl: 64 } },
    addr_info: addresses,
  }
  const listing = await listLinks(
    async () => ({ status: 0, stdout: JSON.stringify([entry]), stderr: '' }),
    'fn6-',
  )
  const found = listing.kind === 'links' ? listing.links.get('fn6-1') : undefined
  return found !== undefined && isComplete(found, LINK, OUTER)
}

test('a link with its one address is complete', async () => {
  assert.equal(await isCompleteWith([GOOD_ADDRESS]), true)
})

test('an address that can’t be read is no throw, and one more than a complete link has', async () => {
  const odd = { ...GOOD_ADDRESS, local: { toString: 1 } }
  assert.equal(await isCompleteWith([GOOD_ADDRESS, odd]), false)
})

test('what has passed is read for our devices, and one that says nothing of them is left out', async () => {
  const entries = [
    { ifname: 'fn6-1', stats64: { rx: { packets: 12, bytes: 1200 }, tx: { packets: 99, bytes: 9900 } } },
    { ifname: 'fn6-2' },
    { ifname: 'sit0', stats64: { rx: { packets: 5 } } },
  ]
  const asked: (readonly string[])[] = []
  const packets = await deviceTraffic(async args => {
    asked.push(args)
    return { status: 0, stdout: JSON.stringify(entries), stderr: '' }
  }, 'fn6-')
  assert.deepEqual([...packets], [['fn6-1', { packets: 12, received: 1200, sent: 9900 }]])
  assert.deepEqual(asked, [['-json', '-statistics', 'link', 'show', 'type', 'sit']])
  const failed = await deviceTraffic(async () => ({ status: 1, stdout: '', stderr: 'no' }), 'fn6-')
  assert.equal(failed.size, 0)
})
