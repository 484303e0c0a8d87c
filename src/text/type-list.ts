import { parseType, typeText } from '../wire/codes.ts'
import type { OctetWriter } from '../wire/octet-writer.ts'
import type { RdataField } from './rdata-field.ts'
import type { TokenLine } from './token-line.ts'

const WINDOW_LENGTH = 32
const TYPES_A_WINDOW = 256
/** The bit map of NXT has no windows; its first bit would say that it is another format (RFC 2535 5.2). */
const MAX_NXT_TYPE = 127

/** The type that a signature covers, or that a name is notified of. */
export const recordType: RdataField = {
  parse(tokens, out) {
    const type = tokens.hasMore ? parseType(tokens.text()) : undefined
    if (type === undefined) return tokens.expected('a record type')
    out.u16(type)
    tokens.index++
    return true
  },
  format: rdata => {
    const type = rdata.takeNumber(2)
    return type === undefined ? undefined : typeText(type)
  },
}

/** The types that exist at a name (RFC 4034 4.1.2): windows of 256 types, a bit for each. */
export const typeBitmap: RdataField = {
  parse(tokens, out) {
    const types = readTypes(tokens, { least: 0, most: 65_535 })
    if (types === undefined) return false
    writeWindows(types, out)
    return true
  },
  format(rdata) {
    const types: string[] = []
    let previous = -1
    while (rdata.left > 0) {
      const window = rdata.takeNumber(1) ?? 0
      const bits = rdata.takeString()
      if (window <= previous || bits === undefined || !isBitmap(bits)) return undefined
      previous = window
      types.push(...typesIn(bits, window * TYPES_A_WINDOW))
    }
    return types.join(' ')
  },
}

/** The same of the time before windows (RFC 2535 5.2): one bit map, for the types up to 127. */
export const nxtBitmap: RdataField = {
  parse(tokens, out) {
    const types = readTypes(tokens, { least: 1, most: MAX_NXT_TYPE })
    if (types === undefined) return false
    const { bits, length } = bitmapOf(types)
    out.putPart(bits, 0, length)
    return true
  },
  format(rdata) {
    const bits = rdata.takeRest()
    const isNxt = bits.length <= (MAX_NXT_TYPE + 1) / 8 && (bits.length === 0 || isBitmap(bits))
    return isNxt && ((bits[0] ?? 0) & 0x80) === 0 ? typesIn(bits, 0).join(' ') : undefined
  },
}

/** Reads the remaining tokens as types. */
function readTypes(
  tokens: TokenLine,
  { least, most }: { readonly least: number; readonly most: number },
): ReadonlySet<number> | undefined {
  const types = new Set<number>()
  for (; tokens.hasMore; tokens.index++) {
    const type = parseType(tokens.text())
    if (type === undefined || type < least || type > most) {
      tokens.expected(most === MAX_NXT_TYPE ? 'a record type from 1 to 127' : 'a record type')
      return undefined
    }
    types.add(type)
  }
  return types
}

function writeWindows(types: ReadonlySet<number>, out: OctetWriter): void {
  const windows = new Map<number, number[]>()
  for (const type of [...types].sort((a, b) => a - b)) {
    const window = Math.floor(type / TYPES_A_WINDOW)
    const inWindow = windows.get(window) ?? []
    inWindow.push(type % TYPES_A_WINDOW)
    windows.set(window, inWindow)
  }
  for (const [window, inWindow] of windows) {
    const { bits, length } = bitmapOf(inWindow)
    out.u8(window)
    out.u8(length)
    out.putPart(bits, 0, length)
  }
}

/** A bit for each number below 256; RFC 4034 4.1.2: trailing zero octets are left out. */
function bitmapOf(numbers: Iterable<number>): { bits: Uint8Array; length: number } {
  const bits = new Uint8Array(WINDOW_LENGTH)
  for (const bit of numbers) bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return { bits, length: bits.findLastIndex(value => value !== 0) + 1 }
}

function isBitmap(bits: Uint8Array): boolean {
  return bits.length > 0 && bits.length <= WINDOW_LENGTH && bits[bits.length - 1] !== 0
}

function typesIn(bits: Uint8Array, first: number): string[] {
  const types: string[] = []
  for (let bit = 0; bit < bits.length * 8; bit++) {
    if (((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) types.push(typeText(first + bit))
  }
  return types
}
