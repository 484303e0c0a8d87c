import type { OctetWriter } from '../wire/octet-writer.ts'

const BACKSLASH = 0x5c
const QUOTE = 0x22
const ZERO = 0x30
const NINE = 0x39

/** What a backslash and what follows it stand for (RFC 1035 5.1): an octet, and how many octets it took to write. */
interface Escaped {
  readonly octet: number
  readonly length: number
}

/** Reads `\DDD` or `\X` at a backslash; undefined if it is neither. */
export function unescapeAt(octets: Uint8Array, at: number, end: number): Escaped | undefined {
  const next = at + 1 < end ? octets[at + 1] : undefined
  if (next === undefined) return undefined
  if (next < ZERO || next > NINE) return { octet: next, length: 2 }
  if (at + 4 > end) return undefined
  let value = 0
  for (let i = at + 1; i <= at + 3; i++) {
    const digit = (octets[i] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value <= 255 ? { octet: value, length: 4 } : undefined
}

/** Writes a range of text with its escapes undone. False if an escape is no escape. */
export function writeUnescaped(octets: Uint8Array, from: number, end: number, out: OctetWriter): boolean {
  for (let at = from; at < end; at++) {
    const octet = octets[at] ?? 0
    if (octet !== BACKSLASH) {
      out.u8(octet)
      continue
    }
    const escaped = unescapeAt(octets, at, end)
    if (escaped === undefined) return false
    out.u8(escaped.octet)
    at += escaped.length - 1
  }
  return true
}

/** Octets as a quoted string that reads back the same: quote and backslash escaped, what is not printable as `\DDD`. */
export function quoted(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) {
    if (octet === QUOTE || octet === BACKSLASH) text += `\\${String.fromCharCode(octet)}`
    else if (octet >= 0x20 && octet < 0x7f) text += String.fromCharCode(octet)
    else text += `\\${String(octet).padStart(3, '0')}`
  }
  return `"${text}"`
}
