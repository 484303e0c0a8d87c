import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../src/wire/codes.ts'
import { soaWithSerial } from '../../src/zone/serial.ts'
import { ZoneDigest } from '../../src/zone/zone-digest.ts'
import type { ZoneRecord } from '../../src/zone/zone-record.ts'
import { nameOf } from './zone-text.ts'

const AAAA: ZoneRecord = {
  owner: nameOf('host.example.'),
  type: TYPE.AAAA,
  ttl: 60,
  rdata: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe),
}
const SOA: ZoneRecord = {
  owner: nameOf('example.'),
  type: TYPE.SOA,
  ttl: 300,
  // Two names at the root, then serial, refresh, retry, expire and minimum.
  rdata: Uint8Array.of(0, 0, 1, 2, 3, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8),
}

/** As hexadecimal digits. */
function digestOf(...records: readonly ZoneRecord[]): string {
  const digest = new ZoneDigest()
  for (const record of records) digest.add(record)
  return Buffer.from(digest.octets()).toString('hex')
}

test('digests that a database holds from earlier versions are still those of their records', () => {
  assert.equal(digestOf(), '0000000000000000')
  assert.equal(digestOf(AAAA), '4a39124817bb6916')
  assert.equal(digestOf(SOA), '8f00347775ffabc1')
  assert.equal(digestOf(AAAA, SOA), 'd93946bf8dbb14d7')
})

test('records may come in any order, and owners in any case', () => {
  assert.equal(digestOf(SOA, AAAA), digestOf(AAAA, SOA))
  assert.equal(digestOf({ ...AAAA, owner: nameOf('HOST.eXaMple.') }), digestOf(AAAA))
})

test('whatever is another in a record, owner, type, TTL or one bit of the rdata, makes another digest', () => {
  const others: ZoneRecord[] = [
    { ...AAAA, owner: nameOf('hosu.example.') },
    { ...AAAA, owner: nameOf('hos.texample.') },
    { ...AAAA, type: TYPE.A },
    { ...AAAA, ttl: 61 },
  ]
  for (let bit = 0; bit < AAAA.rdata.length * 8; bit++)
    others.push({
      ...AAAA,
      rdata: AAAA.rdata.map((value, at) => (at === bit >> 3 ? value ^ (1 << (bit & 7)) : value)),
    })
  const digests = new Set([AAAA, ...others].map(record => digestOf(record)))
  assert.equal(digests.size, 1 + others.length)
})

test('of a SOA the serial does not count, and all the rest does', () => {
  assert.equal(digestOf({ ...SOA, rdata: soaWithSerial(SOA.rdata, 4_000_000_000) }), digestOf(SOA))
  for (const at of [0, 1, 9, 13, 17, 21]) {
    const rdata = SOA.rdata.map((value, index) => (index === at ? value + 1 : value))
    assert.notEqual(digestOf({ ...SOA, rdata }), digestOf(SOA), `octet ${at}`)
  }
  const asTxt = { ...SOA, type: TYPE.TXT }
  assert.notEqual(digestOf({ ...asTxt, rdata: soaWithSerial(SOA.rdata, 1) }), digestOf(asTxt))
})

test('what goes takes its part away, and a digest goes on from its octets', () => {
  const digest = new ZoneDigest()
  digest.addRrset({ ...AAAA, rdatas: [AAAA.rdata, Uint8Array.of(1)] })
  digest.add(SOA)
  assert.equal(
    Buffer.from(digest.octets()).toString('hex'),
    digestOf(AAAA, { ...AAAA, rdata: Uint8Array.of(1) }, SOA),
  )
  const later = ZoneDigest.from(digest.octets())
  later.remove({ ...AAAA, rdata: Uint8Array.of(1) })
  later.remove(SOA)
  assert.equal(Buffer.from(later.octets()).toString('hex'), digestOf(AAAA))
})
