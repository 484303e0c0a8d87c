/** Which serial the query of an IXFR names (RFC 1995 3). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldSerial } from '../../src/engine/held-serial.ts'
import { Query } from '../../src/engine/query.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { queryOf, wire } from './zones.ts'

const ZONE = 'a.example.'
const SERIAL = 0xfedcba98
const SOA = rdataOf(20)

/** Two names of the root, and so many octets of numbers, the serial first. */
function rdataOf(numbers: number): Buffer {
  const rdata = Buffer.alloc(2 + numbers)
  if (numbers >= 4) rdata.writeUInt32BE(SERIAL, 2)
  return rdata
}

interface Asked {
  /** The owner as it stands in the message. */
  readonly owner?: Uint8Array
  readonly type?: number
  readonly rdata?: Uint8Array
  /** SOA records in the authority section. */
  readonly count?: number
}

function heldIn({ owner = wire(ZONE), type = TYPE.SOA, rdata = SOA, count = 1 }: Asked): number | undefined {
  const fixed = Buffer.from([0, type, 0, 1, 0, 0, 0, 0, 0, rdata.length])
  const records = Array.from({ length: count }, () => Buffer.concat([owner, fixed, rdata]))
  const octets = Buffer.concat([queryOf(ZONE, 'IXFR'), ...records])
  octets.writeUInt16BE(count, 8)
  const query = new Query()
  query.read(octets, octets.length)
  assert.ok(!query.malformed)
  return heldSerial(query)
}

test('is that of the SOA in the authority section', () => assert.equal(heldIn({}), SERIAL))

for (const [name, owner] of [
  ['a pointer to the question', Uint8Array.of(0xc0, 12)],
  ['a label and a pointer', Uint8Array.of(1, 0x61, 0xc0, 14)],
  ['in another case', wire('A.EXAMPLE.')],
] as const)
  test(`is found where the owner is ${name}`, () => assert.equal(heldIn({ owner }), SERIAL))

for (const [name, asked] of [
  ['without a SOA', { count: 0 }],
  ['with two of them', { count: 2 }],
  ['with a record of another type', { type: TYPE.TXT }],
  ['with the SOA of a zone whose first label differs', { owner: wire('b.example.') }],
  ['with the SOA of a zone whose second label differs in its last octet', { owner: wire('a.exampla.') }],
  ['with the SOA of the zone above', { owner: wire('example.') }],
  ['with the SOA of a zone below', { owner: wire('x.a.example.') }],
  ['with the SOA of a zone that begins like it', { owner: wire('a.example.com.') }],
  ['with a SOA without data', { rdata: Buffer.alloc(0) }],
  ['with a SOA that is a name and no more', { rdata: Buffer.alloc(1) }],
  ['with a SOA without numbers', { rdata: rdataOf(0) }],
  ['with a SOA that ends too early', { rdata: rdataOf(16) }],
  ['with a SOA that goes on behind its numbers', { rdata: rdataOf(24) }],
] as const)
  test(`is none in a query ${name}`, () => assert.equal(heldIn(asked), undefined))
