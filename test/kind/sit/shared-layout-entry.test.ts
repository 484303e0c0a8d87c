import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entriesOf, wholeTunnels } from '../../../src/kind/sit/shared-layout-entry.ts'
import type { Link } from '../../../src/tunnel/interface.ts'

const LINK: Link = {
  device: 'fn6-1',
  ipv4Client: '198.51.100.1',
  ipv6Client: '2001:db8:f6:1::2',
  ipv6Server: '2001:db8:f6:1::1',
}

function entries(device: string, link: Partial<Link> = {}) {
  return entriesOf({ ...LINK, device, ...link }) ?? assert.fail('no addresses')
}

test('a slice of entries ends where a tunnel ends: its routed prefix is not taken for a former one', () => {
  const routedPrefix = '2001:db8:8000:100::/56'
  const all = ['a', 'b', 'c', 'd'].flatMap(device => entries(device, device === 'b' ? { routedPrefix } : {}))
  const devices = (length: number) =>
    Array.from(wholeTunnels(all, length), some => some.map(({ device }) => device).join(''))
  assert.deepEqual(devices(1), ['a', 'bb', 'c', 'd'])
  assert.deepEqual(devices(2), ['abb', 'cd'])
  assert.deepEqual(devices(3), ['abb', 'cd'])
  assert.deepEqual(devices(9), ['abbcd'])
  assert.deepEqual([...wholeTunnels([], 2)], [])
})

test('the server’s address of a row in another spelling is written as the kernel lists it', () => {
  const [entry] = entries('a', { ipv6Server: '2001:0DB8:f6:1:0::1' })
  assert.equal(entry?.serverAddress, '2001:db8:f6:1::1')
  assert.equal(entry?.network, '20010db800f60001')
  assert.equal(entriesOf({ ...LINK, ipv4Client: '198.51.100.01' }), undefined)
})
