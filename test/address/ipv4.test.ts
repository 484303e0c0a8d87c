import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIpv4, ipv4Bytes, parseIpv4 } from '../../src/address/ipv4.ts'

test('a dotted quad is read as an unsigned number', () => {
  assert.equal(parseIpv4('192.0.2.1'), 0xc0000201)
  assert.equal(parseIpv4('255.255.255.255'), 0xffffffff)
  assert.equal(parseIpv4('0.0.0.0'), 0)
})

for (const text of [
  '',
  '1',
  '127.1',
  '1.2.3',
  '1.2.3.4.5',
  '256.1.1.1',
  '010.0.0.1',
  '1.2.3.04',
  '0x7f.0.0.1',
  '1.2.3.-4',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1.2.3.4\n',
  '1..2.3',
  '::1',
  '１.2.3.4',
  '1.2.3.1e1',
]) {
  test(`${JSON.stringify(text)} is no dotted quad`, () => assert.equal(parseIpv4(text), undefined))
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), value => parseIpv4(formatIpv4(value)) === value),
  )
})

test('octets stand in network order', () => assert.deepEqual([...ipv4Bytes(0xc0000201)], [192, 0, 2, 1]))
