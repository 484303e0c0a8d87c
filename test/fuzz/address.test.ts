/** Addresses, prefixes and endpoints in text: read or refused, and what was read is written so that it reads back. */
import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { formatIpv4, ipv4Bytes, parseIpv4 } from '../../src/address/ipv4.ts'
import { formatIpv6, parseIpv6 } from '../../src/address/ipv6.ts'
import { formatPrefix, parsePrefix, prefixContains } from '../../src/address/prefix.ts'
import { formatEndpoint, parseEndpoint } from '../../src/shared/endpoint.ts'
import { changedText, changes, fuzz } from './fuzz.ts'

const part = fc.oneof(
  fc.constantFrom('0', '00', '1', '255', '256', '1e1', '0x1', ' 1', '-1', '+1', '١', '４'),
  fc.constantFrom('::', ':', ':::', '.', '/', '%eth0', '[', ']', 'ffff', 'FFFF', '10000', 'g', ''),
  fc.nat(99_999).map(String),
)
const parts = fc
  .tuple(fc.array(part, { maxLength: 12 }), fc.constantFrom('.', ':', ''))
  .map(([list, joint]) => list.join(joint))
const ipv4Text = fc.nat(0xffff_ffff).map(formatIpv4)
const ipv6Text = fc
  .oneof(
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
      .map(list => Uint8Array.from(list)),
  )
  .map(formatIpv6)
const text = fc.oneof(
  parts,
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.tuple(fc.oneof(ipv4Text, ipv6Text), changes).map(([good, list]) => changedText(good, list)),
  fc.tuple(ipv6Text, ipv4Text).map(([head, tail]) => `${head.slice(0, head.lastIndexOf(':') + 1)}${tail}`),
)

fuzz(
  'a text is an IPv4 address where node takes it for one, and then its own canonical form',
  fc.property(text, text => {
    const address = parseIpv4(text)
    assert.equal(address !== undefined, isIPv4(text), text)
    if (address !== undefined) assert.equal(formatIpv4(address), text)
  }),
)

fuzz(
  'a text is an IPv6 address where node takes it for one without a zone',
  fc.property(text, text => {
    const octets = parseIpv6(text)
    assert.equal(octets !== undefined, isIPv6(text) && !text.includes('%'), text)
    if (octets !== undefined) assert.deepEqual(parseIpv6(formatIpv6(octets)), octets)
  }),
)

fuzz(
  'a prefix is read or refused, reads back, and holds its own first address',
  fc.property(
    fc.oneof(
      text,
      fc.tuple(text, part).map(pair => pair.join('/')),
    ),
    text => {
      const prefix = parsePrefix(text)
      if (prefix === undefined) return
      assert.ok(prefix.length <= prefix.octets.length * 8)
      assert.deepEqual(parsePrefix(formatPrefix(prefix)), prefix)
      assert.ok(prefixContains(prefix, prefix.octets))
      assert.equal(prefixContains(prefix, ipv4Bytes(0).subarray(1)), false)
    },
  ),
)

const port = fc.oneof(fc.nat(70_000).map(String), part)
const endpointText = fc.oneof(
  fc.tuple(text, port).map(([address, number]) => `${address}:${number}`),
  fc.tuple(text, port).map(([address, number]) => `[${address}]:${number}`),
  fc
    .tuple(ipv6Text, port, changes)
    .map(([address, number, list]) => changedText(`[${address}]:${number}`, list)),
)

fuzz(
  'an endpoint is read or refused, and is written as it was read',
  fc.property(endpointText, text => {
    const endpoint = parseEndpoint(text)
    if (endpoint === undefined) return
    assert.ok(isIPv4(endpoint.address) || isIPv6(endpoint.address))
    assert.ok(endpoint.port >= 0 && endpoint.port <= 65_535)
    assert.equal(formatEndpoint(endpoint), text)
  }),
)
