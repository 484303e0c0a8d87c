import { parseIpv4 } from './ipv4.ts'

const COLON = 0x3a
const DOT = 0x2e
const NINE = 0x39
const LENGTH = 16
const GROUPS = 8
const MAX_DIGITS = 4

/**
 * Reads an IPv6 address in any of the forms of RFC 4291 2.2, an embedded dotted quad included, a zone index not.
 * Returns its 16 octets in network order, or undefined where the text is not one. It runs for every tunnel of a table
 * of millions at start and in each audit: no split, no pattern.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(LENGTH)
  let length = 0
  /** Where `::` stands, in octets. */
  let gap = -1
  let at = 0
  if (text.startsWith('::')) {
    gap = 0
    at = 2
  }
  while (at < text.length) {
    const end = endOfGroup(text, at)
    if (end < text.length && text.charCodeAt(end) === DOT) {
      const quad = parseIpv4(text.slice(at))
      if (quad === undefined || length > LENGTH - 4) return undefined
      new DataView(octets.buffer).setUint32(length, quad)
      length += 4
      break
    }
    if (end === at || end - at > MAX_DIGITS || length > LENGTH - 2) return undefined
    const group = hexadecimal(text, at, end)
    octets[length] = group >> 8
    octets[length + 1] = group
    length += 2
    if (end === text.length) break
    if (text.charCodeAt(end) !== COLON || end + 1 === text.length) return undefined
    at = end + 1
    if (text.charCodeAt(at) !== COLON) continue
    if (gap >= 0) return undefined
    gap = length
    at++
  }
  return spread(octets, length, gap)
}

/** Where the hexadecimal digits from `at` on end. */
function endOfGroup(text: string, at: number): number {
  while (at < text.length && isHexDigit(text.charCodeAt(at))) at++
  return at
}

function hexadecimal(text: string, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    value = (value << 4) | ((code & 15) + (code > NINE ? 9 : 0)) // a letter's low bits count from 1
  }
  return value
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66)
}

/** Moves what stands behind `::` to the end. It stands for one group of zeros at least (RFC 4291 2.2). */
function spread(octets: Uint8Array, length: number, gap: number): Uint8Array | undefined {
  if (gap < 0) return length === LENGTH ? octets : undefined
  if (length > LENGTH - 2) return undefined
  octets.copyWithin(LENGTH - (length - gap), gap, length)
  octets.fill(0, gap, LENGTH - (length - gap))
  return octets
}

/** Writes 16 octets in the canonical text form (RFC 5952 4): lower case, the longest run of zeros shortened. */
export function formatIpv6(octets: Uint8Array): string {
  const run = longestZeroRun(octets)
  let text = ''
  for (let group = 0; group < GROUPS; group++) {
    if (group === run.start && run.length > 1) {
      text += '::' // RFC 5952 4.2.2: a single zero group is not shortened
      group += run.length - 1
      continue
    }
    if (text !== '' && !text.endsWith(':')) text += ':'
    text += groupAt(octets, group).toString(16)
  }
  return text
}

function groupAt(octets: Uint8Array, group: number): number {
  return ((octets[2 * group] ?? 0) << 8) | (octets[2 * group + 1] ?? 0)
}

function longestZeroRun(octets: Uint8Array): { readonly start: number; readonly length: number } {
  let bestStart = 0
  let bestLength = 0
  let start = 0
  for (let group = 0; group <= GROUPS; group++) {
    if (group < GROUPS && groupAt(octets, group) === 0) continue
    if (group - start > bestLength) {
      bestStart = start
      bestLength = group - start
    }
    start = group + 1
  }
  return { start: bestStart, length: bestLength }
}
