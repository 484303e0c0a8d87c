const OCTET = /^(?:0|[1-9][0-9]{0,2})$/

/**
 * Reads a strict dotted quad: four decimal octets, no leading zeros, nothing else (RFC 6943 3.1.1 says why
 * the loose forms of inet_aton are a trap: 010.0.0.1 and 127.1 mean different hosts to different readers).
 * Returns the address as an unsigned 32-bit number, or undefined where the text is not one.
 */
export function parseIpv4(text: string): number | undefined {
  const octets = text.split('.')
  if (octets.length !== 4) return undefined
  let value = 0
  for (const octet of octets) {
    if (!OCTET.test(octet) || Number(octet) > 255) return undefined
    value = value * 256 + Number(octet)
  }
  return value
}

/** Writes an unsigned 32-bit number as a dotted quad. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** The four octets in network order. */
export function ipv4Bytes(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255)
}
