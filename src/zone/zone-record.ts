/** Single records, as differences and transfers have them, and lists of them as octets for the journal. */
import { copyOctets, octet, putUint16, putUint32, uint16, uint32 } from '../wire/octets.ts'
import { wireNameLength } from '../wire/wire-name.ts'
import type { Rrset } from './rrset.ts'

/** One record; its class is IN. */
export interface ZoneRecord extends Omit<Rrset, 'rdatas'> {
  readonly rdata: Uint8Array
}

/** Type, TTL and rdata length stand between a record's owner and its rdata. */
const FIXED = 8

export function recordsIn({ owner, type, ttl, rdatas }: Rrset): readonly ZoneRecord[] {
  return rdatas.map(rdata => ({ owner, type, ttl, rdata }))
}

/** Writes records one behind the other: owner, type, TTL, rdata length, rdata, as in a message but uncompressed. */
export function encodeRecords(records: readonly ZoneRecord[]): Uint8Array {
  const length = records.reduce((sum, { owner, rdata }) => sum + owner.length + FIXED + rdata.length, 0)
  const octets = new Uint8Array(length)
  let at = 0
  for (const { owner, type, ttl, rdata } of records) {
    copyOctets(owner, 0, octets, at, owner.length)
    at += owner.length
    putUint16(octets, at, type)
    putUint32(octets, at + 2, ttl)
    putUint16(octets, at + 6, rdata.length)
    octets.set(rdata, at + FIXED)
    at += FIXED + rdata.length
  }
  return octets
}

/** Reads what `encodeRecords` wrote. Throws RangeError if the octets are none of its. */
export function* decodeRecords(octets: Uint8Array): Generator<ZoneRecord, undefined> {
  for (let at = 0; at < octets.length; ) {
    const fixed = at + nameLengthWithin(octets, at)
    const rdata = fixed + FIXED
    const end = rdata + uint16(octets, fixed + 6)
    if (end > octets.length) throw new RangeError('a record runs over the end of its list')
    yield {
      owner: octets.subarray(at, fixed),
      type: uint16(octets, fixed),
      ttl: uint32(octets, fixed + 2),
      rdata: octets.subarray(rdata, end),
    }
    at = end
  }
}

function nameLengthWithin(octets: Uint8Array, at: number): number {
  const length = wireNameLength(octets, at)
  if (octet(octets, at + length - 1) !== 0 || at + length > octets.length)
    throw new RangeError('an owner runs over the end of its list')
  return length
}
