import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { decodeRecords, encodeRecords, recordsIn, type ZoneRecord } from '../../src/zone/zone-record.ts'
import { nameOf } from './zone-text.ts'

const RECORDS: readonly ZoneRecord[] = [
  { owner: nameOf('.'), type: TYPE.TXT, ttl: 0, rdata: Uint8Array.of() },
  { owner: nameOf('Host.example.'), type: TYPE.AAAA, ttl: 0x7fffffff, rdata: new Uint8Array(16).fill(0xab) },
  { owner: nameOf('b.example.'), type: 65535, ttl: 60, rdata: new Uint8Array(300).fill(7) },
]
const LIST = encodeRecords(RECORDS)

/** Where each record ends, from 0 on. */
const ENDS = RECORDS.map((_, index) => encodeRecords(RECORDS.slice(0, index + 1)).length)

function read(octets: Uint8Array): ZoneRecord[] {
  const copied = Array.from(decodeRecords(octets), record => ({
    ...record,
    owner: Uint8Array.from(record.owner),
    rdata: Uint8Array.from(record.rdata),
  }))
  return copied
}

test('records come back from their list as they went in', () => {
  assert.deepEqual(read(LIST), RECORDS)
  assert.equal(
    LIST.length,
    RECORDS.reduce((sum, { owner, rdata }) => sum + owner.length + 8 + rdata.length, 0),
  )
  assert.deepEqual(read(new Uint8Array()), [])
})

test('a list that is cut anywhere but between two records is told from a whole one', () => {
  for (let length = 1; length < LIST.length; length++) {
    const cut = LIST.slice(0, length)
    const whole = ENDS.indexOf(length)
    if (whole >= 0) assert.equal(read(cut).length, whole + 1)
    else assert.throws(() => read(cut), RangeError, `${length} octets`)
  }
})

test('an owner whose labels run on beyond the list is refused', () => {
  const list = LIST.slice(0, ENDS[1])
  list[(ENDS[0] ?? 0) + 5] = 63 // the second label's length
  assert.throws(() => read(list), RangeError)
})

test('an rrset is as many records as it has rdatas', () => {
  const [, , record] = RECORDS
  assert.ok(record)
  const { rdata, ...head } = record
  assert.deepEqual(recordsIn({ ...head, rdatas: [rdata, Uint8Array.of(1)] }), [
    record,
    { ...head, rdata: Uint8Array.of(1) },
  ])
})
