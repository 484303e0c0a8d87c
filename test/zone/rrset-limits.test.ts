/** What enters the table can be written into a message. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Rrset } from '../../src/zone/rrset.ts'
import { assertName, assertRrset } from '../../src/zone/rrset-limits.ts'
import { wire } from '../engine/zones.ts'

const GOOD: Rrset = { owner: wire('www.example.'), type: 1, ttl: 60, rdatas: [Uint8Array.of(192, 0, 2, 1)] }
/** In wire form, of so many octets: labels of 62 and one that is what is left. */
function nameOf(octets: number): Uint8Array {
  const name = Buffer.alloc(octets, 0x61)
  for (let at = 0; at < octets - 1; at += 63) name[at] = Math.min(62, octets - at - 2)
  name[octets - 1] = 0
  return name
}

suite('an rrset', () => {
  const taken: readonly (readonly [says: string, other: Partial<Rrset>])[] = [
    ['of type 0', { type: 0 }],
    ['of type 65535', { type: 0xffff }],
    ['with a TTL of 0', { ttl: 0 }],
    ['with a TTL of 2^31 - 1', { ttl: 0x7fffffff }],
    ['of 65535 records', { rdatas: new Array(0xffff).fill(Uint8Array.of(1)) }],
    ['with rdata of 65535 octets', { rdatas: [new Uint8Array(0xffff)] }],
    ['with empty rdata', { rdatas: [new Uint8Array(0)] }],
  ]
  for (const [says, other] of taken)
    test(`${says} is taken`, () => assert.doesNotThrow(() => assertRrset({ ...GOOD, ...other })))

  const refused: readonly (readonly [says: string, other: Partial<Rrset>])[] = [
    ['of a type below 0', { type: -1 }],
    ['of a type above 65535', { type: 0x10000 }],
    ['of half a type', { type: 1.5 }],
    ['with a TTL below 0', { ttl: -1 }],
    ['with a TTL above 2^31 - 1', { ttl: 0x80000000 }],
    ['with half a second in its TTL', { ttl: 0.5 }],
    ['without a record', { rdatas: [] }],
    ['of 65536 records', { rdatas: new Array(0x10000).fill(Uint8Array.of(1)) }],
    ['with one rdata that is too long', { rdatas: [Uint8Array.of(1), new Uint8Array(0x10000)] }],
    ['at what is no name', { owner: Uint8Array.of(1) }],
  ]
  for (const [says, other] of refused)
    test(`${says} is refused`, () => assert.throws(() => assertRrset({ ...GOOD, ...other }), RangeError))
})

suite('a name', () => {
  for (const [says, name] of [
    ['the root', Uint8Array.of(0)],
    ['a label of 63 octets', wire(`${'a'.repeat(63)}.`)],
    ['255 octets', nameOf(255)],
  ] as const)
    test(`is ${says}`, () => assert.doesNotThrow(() => assertName(name)))

  for (const [says, name] of [
    ['nothing', new Uint8Array(0)],
    ['a label without the root', Uint8Array.of(1, 0x61)],
    ['a label that is cut', Uint8Array.of(2, 0x61)],
    ['a name and an octet', Uint8Array.of(1, 0x61, 0, 0)],
    ['a name and a label', Uint8Array.of(1, 0x61, 0, 1, 0x62)],
    ['a label of 64 octets', Buffer.concat([Uint8Array.of(64), Buffer.alloc(64, 0x61), Uint8Array.of(0)])],
    ['a pointer', Uint8Array.of(0xc0, 0)],
    ['256 octets', nameOf(256)],
  ] as const)
    test(`is not ${says}`, () => assert.throws(() => assertName(name), RangeError))
})
