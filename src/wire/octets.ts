/** Reads and writes big-endian numbers in octets. A read past the end gives zeros: callers check bounds first. */

export function octet(octets: Uint8Array, at: number): number {
  return octets[at] ?? 0
}

export function uint16(octets: Uint8Array, at: number): number {
  return (octet(octets, at) << 8) | octet(octets, at + 1)
}

export function uint32(octets: Uint8Array, at: number): number {
  return uint16(octets, at) * 0x10000 + uint16(octets, at + 2)
}

export function putUint16(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 8
  octets[at + 1] = value
}

export function putUint32(octets: Uint8Array, at: number, value: number): void {
  putUint16(octets, at, value >>> 16)
  putUint16(octets, at + 2, value & 0xffff)
}

/** Copies octet by octet: a subarray would be an object for every record of every answer. */
export function copyOctets(
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[toAt + i] = octet(from, fromAt + i)
}

const LOWER_CASE = Uint8Array.from({ length: 256 }, (_, value) =>
  value >= 0x41 && value <= 0x5a ? value + 0x20 : value,
)

/** ASCII letters in lower case, everything else as it is (RFC 4343 3). */
export function lowerCase(value: number): number {
  return LOWER_CASE[value] ?? 0
}
