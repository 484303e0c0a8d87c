import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { formatIpv4, ipv4Bytes } from '../../src/address/ipv4.ts'
import { addressOctets, formatPrefix, parsePrefix, prefixContains } from '../../src/address/prefix.ts'

for (const text of [
  '192.0.2.0/24',
  '0.0.0.0/0',
  '192.0.2.1/32',
  '2001:db8::/32',
  '::/0',
  '2001:db8:f6::/48',
  '128.0.0.0/1',
]) {
  test(`${text} is read and written`, () => {
    const prefix = parsePrefix(text)
    assert.ok(prefix)
    assert.equal(formatPrefix(prefix), text)
  })
}

test('a bare address is a prefix of one', () => assert.equal(parsePrefix('192.0.2.1')?.length, 32))

for (const text of [
  '192.0.2.1/24',
  '2001:db8::1/32',
  '192.0.2.0/33',
  '::/129',
  '::/01',
  '::/',
  '/24',
  '1.2.3.0/24/8',
  'x/8',
  '128.0.0.0/0',
]) {
  test(`${text} is no prefix`, () => assert.equal(parsePrefix(text), undefined))
}

test('membership agrees with ipaddr.js', () => {
  const address = fc.integer({ min: 0, max: 0xffffffff })
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 32 }), (network, host, length) => {
      const start = length === 0 ? 0 : (network & (-1 << (32 - length))) >>> 0
      const prefix = { octets: ipv4Bytes(start), length }
      assert.equal(
        prefixContains(prefix, ipv4Bytes(host)),
        ipaddr.IPv4.parse(formatIpv4(host)).match(ipaddr.IPv4.parse(formatIpv4(start)), length),
      )
    }),
  )
})

test('an address of the other family is in no prefix', () => {
  assert.equal(prefixContains({ octets: new Uint8Array(16), length: 0 }, Uint8Array.of(1, 2, 3, 4)), false)
  assert.equal(addressOctets('nonsense'), undefined)
})
