import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIpv6 } from '../../src/address/ipv6.ts'
import { parsePrefix } from '../../src/address/prefix.ts'
import { reverseApex, reverseName } from '../../src/address/reverse-name.ts'

test('an address has 32 nibbles under ip6.arpa, the lowest first (the example of RFC 3596 2.5)', () => {
  assert.equal(
    reverseName(parseIpv6('4321:0:1:2:3:4:567:89ab') ?? new Uint8Array()),
    'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa',
  )
})

test('a prefix has one label a nibble', () => {
  const prefix = parsePrefix('2001:db8:f6::/48')
  assert.ok(prefix)
  assert.equal(reverseApex(prefix), '6.f.0.0.8.b.d.0.1.0.0.2.ip6.arpa')
})

test('a prefix that does not end on a nibble has no apex', () => {
  assert.throws(() => reverseApex({ octets: new Uint8Array(16), length: 47 }), RangeError)
})
