import type { Rrset } from '../../../src/zone/rrset.ts'

/** Format 2 is raw; version 1 has flags, a serial and a time behind the first three words (BIND 9, `dns/masterdump.h`). */
const HEADER_LENGTH = 24
const FORMAT_RAW = 2

/** Reads a zone as named keeps it in its raw format: the octets themselves, no text to be read in two ways. */
export function readRawZone(file: Buffer): Rrset[] {
  if (file.readUInt32BE(0) !== FORMAT_RAW || file.readUInt32BE(4) !== 1)
    throw new Error('not a raw zone of version 1')
  const rrsets: Rrset[] = []
  let at = HEADER_LENGTH
  while (at < file.length) {
    const end = at + file.readUInt32BE(at)
    rrsets.push(readRrset(file.subarray(at + 4, end)))
    at = end
  }
  return rrsets
}

/** Class, type, covered type, TTL, number of records, owner; then each record behind its length. */
function readRrset(octets: Buffer): Rrset {
  const nameEnd = 16 + octets.readUInt16BE(14)
  const rdatas: Buffer[] = []
  for (let at = nameEnd; at < octets.length; at += 2 + octets.readUInt16BE(at))
    rdatas.push(octets.subarray(at + 2, at + 2 + octets.readUInt16BE(at)))
  return {
    owner: octets.subarray(16, nameEnd),
    type: octets.readUInt16BE(2),
    ttl: octets.readUInt32BE(6),
    rdatas,
  }
}
