const ZERO = 0x30
const NINE = 0x39
const DOT = 0x2e

/**
 * Reads a strict dotted quad: four decimal octets, no leading zeros, nothing else (RFC 6943 3.1.1 says why
 * the loose forms of inet_aton are a trap: 010.0.0.1 and 127.1 mean different hosts to different readers).
 * Returns the address as an unsigned 32-bit number, or undefined if the text is not one. It runs for every A record
 * of a zone: no split, no pattern.
 */
export function parseIpv4(text: string): number | undefined {
  let value = 0
  let octets = 0
  for (let at = 0; at <= text.length; at++) {
    const start = at
    let octet = 0
    for (; at < text.length && at - start <= 3; at++) {
      const code = text.charCodeAt(at)
      if (code < ZERO || code > NINE) break
      octet = octet * 10 + (code - ZERO)
    }
    const digits = at - start
    if (digits === 0 || octet > 255 || (digits > 1 && text.charCodeAt(start) === ZERO)) return undefined
    if (at < text.length && text.charCodeAt(at) !== DOT) return undefined
    if (++octets > 4) return undefined
    value = value * 256 + octet
  }
  return octets === 4 ? value : undefined
}

/** Writes an unsigned 32-bit number as a dotted quad. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** The four octets in network order. */
export function ipv4Bytes(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255)
}
