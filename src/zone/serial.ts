/** Serial numbers of zones (RFC 1982) and where a SOA's rdata keeps its numbers (RFC 1035 3.3.13). */
import { putUint32, uint32 } from '../wire/octets.ts'

const HALF = 2 ** 31

/** Is `a` older (-1), the same (0) or newer (1) than `b`? Undefined if they lie exactly half the circle apart. */
export function serialCompare(a: number, b: number): -1 | 0 | 1 | undefined {
  const ahead = (a - b) >>> 0
  if (ahead === 0) return 0
  if (ahead === HALF) return undefined
  return ahead < HALF ? 1 : -1
}

/** The serial that follows, wrapping after 2^32 - 1; 0 is a serial like any other. */
export function nextSerial(serial: number): number {
  return (serial + 1) >>> 0
}

/** The serial in a SOA's uncompressed rdata. The five numbers are its last 20 octets. */
export function soaSerial(rdata: Uint8Array): number {
  return uint32(rdata, rdata.length - 20)
}

/** The MINIMUM field: how long a negative answer may be kept, in seconds (RFC 2308 4). */
export function soaMinimum(rdata: Uint8Array): number {
  return uint32(rdata, rdata.length - 4)
}

/** A copy of a SOA's rdata with another serial. */
export function soaWithSerial(rdata: Uint8Array, serial: number): Uint8Array {
  const copy = Uint8Array.from(rdata)
  putUint32(copy, copy.length - 20, serial)
  return copy
}
