import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { formatIpv6, isCanonicalIpv6, parseIpv6 } from '../../src/address/ipv6.ts'

const octets = fc.uint8Array({ minLength: 16, maxLength: 16 })
const sparseOctets = fc
  .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
  .map(list => Uint8Array.from(list))

for (const [text, canonical] of [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
] as const) {
  test(`${text} is written ${canonical}`, () => {
    const parsed = parseIpv6(text)
    assert.ok(parsed)
    assert.equal(formatIpv6(parsed), canonical)
  })
}

for (const text of [
  '',
  ':',
  ':::',
  '1',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  '12345::',
  'g::',
  '::1%eth0',
  '1.2.3.4',
  '1.2.3.4::',
  '::1.2.3',
  '::256.0.0.1',
  '1:2:3:4:5:6:7:8::',
  ' ::1',
  '[::1]',
  '::1/64',
]) {
  test(`${JSON.stringify(text)} is no IPv6 address`, () => assert.equal(parseIpv6(text), undefined))
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.oneof(octets, sparseOctets), value =>
      Buffer.from(value).equals(parseIpv6(formatIpv6(value)) ?? new Uint8Array()),
    ),
  )
})

test('the canonical text is that of ipaddr.js', () => {
  fc.assert(
    fc.property(
      fc.oneof(octets, sparseOctets),
      value => formatIpv6(value) === new ipaddr.IPv6([...value]).toRFC5952String(),
    ),
  )
})

test('a text is canonical exactly if it is the one that is written', () => {
  const spellings = (value: Uint8Array) => {
    const groups = Array.from({ length: 8 }, (_, i) => ((value[2 * i] ?? 0) << 8) | (value[2 * i + 1] ?? 0))
    const whole = groups.map(group => group.toString(16)).join(':')
    const padded = groups.map(group => group.toString(16).padStart(4, '0')).join(':')
    const shortened = [...whole.matchAll(/(?:^|:)0(?::0)*(?=:|$)/g)].map(
      ({ index, 0: run }) => `${whole.slice(0, index)}::${whole.slice(index + run.length).replace(/^:/, '')}`,
    )
    return [whole, padded, formatIpv6(value), formatIpv6(value).toUpperCase(), ...shortened]
  }
  fc.assert(
    fc.property(fc.oneof(octets, sparseOctets), value => {
      for (const text of spellings(value)) {
        assert.equal(isCanonicalIpv6(text, value), text === formatIpv6(value), text)
        assert.equal(isCanonicalIpv6(`${text}0`, value), false, text)
        assert.equal(isCanonicalIpv6(text.slice(0, -1), value), false, text)
      }
    }),
  )
})
