export const MAX_UINT16 = 0xffff
export const MAX_UINT32 = 0xffff_ffff

const MAX_DIGITS = 10

/** Reads decimal digits and nothing else, up to ten of them; undefined if the range holds something else. */
export function readDecimal(octets: Uint8Array, start: number, end: number): number | undefined {
  if (start >= end || end - start > MAX_DIGITS) return undefined
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = (octets[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}
