import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIpv4 } from '../../src/address/ipv4.ts'
import { specialPurpose } from '../../src/address/special-purpose.ts'

const CASES: readonly [first: string, last: string, kind: string][] = [
  ['0.0.0.0', '0.255.255.255', 'unusable'],
  ['10.0.0.0', '10.255.255.255', 'private'],
  ['100.64.0.0', '100.127.255.255', 'shared'],
  ['127.0.0.0', '127.255.255.255', 'loopback'],
  ['169.254.0.0', '169.254.255.255', 'link-local'],
  ['172.16.0.0', '172.31.255.255', 'private'],
  ['192.0.0.0', '192.0.0.255', 'reserved'],
  ['192.0.2.0', '192.0.2.255', 'documentation'],
  ['192.31.196.0', '192.31.196.255', 'reserved'],
  ['192.52.193.0', '192.52.193.255', 'reserved'],
  ['192.88.99.0', '192.88.99.255', 'reserved'],
  ['192.168.0.0', '192.168.255.255', 'private'],
  ['192.175.48.0', '192.175.48.255', 'reserved'],
  ['198.18.0.0', '198.19.255.255', 'reserved'],
  ['198.51.100.0', '198.51.100.255', 'documentation'],
  ['203.0.113.0', '203.0.113.255', 'documentation'],
  ['224.0.0.0', '239.255.255.255', 'multicast'],
  ['240.0.0.0', '255.255.255.255', 'unusable'],
]

for (const [first, last, kind] of CASES) {
  test(`${first} to ${last} is ${kind}, and its neighbours are not`, () => {
    const [low, high] = [parseIpv4(first) ?? -1, parseIpv4(last) ?? -1]
    assert.equal(specialPurpose(low), kind)
    assert.equal(specialPurpose(high), kind)
    assert.notEqual(specialPurpose(low - 1), kind)
    assert.notEqual(specialPurpose(high + 1), kind)
  })
}

for (const address of [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '223.255.255.255',
]) {
  test(`${address} is an ordinary address`, () =>
    assert.equal(specialPurpose(parseIpv4(address) ?? 0), undefined))
}
