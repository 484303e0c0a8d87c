import { parseIpv4 } from './ipv4.ts'

const COLON = 0x3a
const DOT = 0x2e
const LENGTH = 16
const GROUPS = 8
const MAX_DIGITS = 4
const NO_DIGIT = 16
/** The value of each hexadecimal digit, by its ASCII code. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase())
  return value < 0 ? NO_DIGIT : value
})
const LOWER_CASE = new TextEncoder().encode('0123456789abcdef')
/** 0 to 255 in hexadecimal: a conversion costs more than the rest of an address. */
const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16))
const HEX_PADDED = HEX.map(digits => digits.padStart(2, '0'))

/**
 * Reads an IPv6 address in any of the forms of RFC 4291 2.2, an embedded dotted quad included, a zone index not.
 * Returns its 16 octets in network order, or undefined if the text is not one. It runs for every tunnel of a table
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
    const start = at
    let group = 0
    for (; at < text.length; at++) {
      const digit = DIGITS[text.charCodeAt(at)] ?? NO_DIGIT
      if (digit === NO_DIGIT) break
      group = (group << 4) | digit
    }
    if (at < text.length && text.charCodeAt(at) === DOT) {
      const quad = parseIpv4(text.slice(start))
      if (quad === undefined || length > LENGTH - 4) return undefined
      new DataView(octets.buffer).setUint32(length, quad)
      length += 4
      break
    }
    if (at === start || at - start > MAX_DIGITS || length > LENGTH - 2) return undefined
    octets[length] = group >> 8
    octets[length + 1] = group
    length += 2
    if (at === text.length) break
    if (text.charCodeAt(at) !== COLON || at + 1 === text.length) return undefined
    at++
    if (text.charCodeAt(at) !== COLON) continue
    if (gap >= 0) return undefined
    gap = length
    at++
  }
  return spread(octets, length, gap)
}

/** Moves what stands behind `::` to the end. It stands for one group of zeros at least (RFC 4291 2.2). */
function spread(octets: Uint8Array, length: number, gap: number): Uint8Array | undefined {
  if (gap < 0) return length === LENGTH ? octets : undefined
  if (length > LENGTH - 2) return undefined
  const behind = length - gap
  for (let back = 1; back <= behind; back++) {
    octets[LENGTH - back] = octets[length - back] ?? 0
    octets[length - back] = 0
  }
  return octets
}

/** Writes 16 octets in the canonical text form (RFC 5952 4): lower case, the longest run of zeros shortened. */
export function formatIpv6(octets: Uint8Array): string {
  const run = longestZeroRun(octets)
  let text = ''
  for (let group = 0; group < GROUPS; group++) {
    if (group === run.start) {
      text += '::'
      group += run.length - 1
      continue
    }
    if (group > 0 && group !== run.start + run.length) text += ':'
    text += hexadecimal(octets, group)
  }
  return text
}

/** Whether a text is what `formatIpv6` writes for these octets, told without writing it. */
export function isCanonicalIpv6(text: string, octets: Uint8Array): boolean {
  const run = longestZeroRun(octets)
  let at = 0
  for (let group = 0; group < GROUPS; group++) {
    if (group === run.start) {
      if (!text.startsWith('::', at)) return false
      at += 2
      group += run.length - 1
      continue
    }
    if (group > 0 && group !== run.start + run.length && text.charCodeAt(at++) !== COLON) return false
    const value = groupAt(octets, group)
    for (let shift = highestDigit(value); shift >= 0; shift -= 4)
      if (text.charCodeAt(at++) !== LOWER_CASE[(value >> shift) & 15]) return false
  }
  return at === text.length
}

/** Where the first digit of a group stands, in bits. */
function highestDigit(value: number): number {
  if (value > 0xfff) return 12
  if (value > 0xff) return 8
  return value > 0xf ? 4 : 0
}

function hexadecimal(octets: Uint8Array, group: number): string {
  const high = octets[2 * group] ?? 0
  const low = octets[2 * group + 1] ?? 0
  return (high === 0 ? HEX[low] : `${HEX[high]}${HEX_PADDED[low]}`) ?? ''
}

function groupAt(octets: Uint8Array, group: number): number {
  return ((octets[2 * group] ?? 0) << 8) | (octets[2 * group + 1] ?? 0)
}

/** The first of the longest runs of zero groups; `start` is below 0 if there is none. */
function longestZeroRun(octets: Uint8Array): { readonly start: number; readonly length: number } {
  let bestStart = -1
  let bestLength = 1 // RFC 5952 4.2.2: a single zero group is not shortened
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
