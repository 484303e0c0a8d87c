import { parseType, typeText } from '../wire/codes.ts'
import type { OctetWriter } from '../wire/octet-writer.ts'
import { octet } from '../wire/octets.ts'
import { readDecimal } from './decimal.ts'
import type { RdataField } from './rdata-field.ts'
import type { TokenLine } from './token-line.ts'

const NOT_HEX = /[^0-9a-f]/i
const NOT_BASE64 = /[^A-Za-z0-9+/]/
const WINDOW_LENGTH = 32
const TYPES_A_WINDOW = 256

/** DNSSEC algorithm mnemonics (IANA "DNS Security Algorithm Numbers"). */
const ALGORITHM: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  NSEC3DSA: 6,
  NSEC3RSASHA1: 7,
  RSASHA256: 8,
  RSASHA512: 10,
  ECCGOST: 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
}

/** A DNSSEC algorithm, as a number or a mnemonic (RFC 4034 2.2). */
export const algorithm: RdataField = {
  parse(tokens, out) {
    const number = tokens.hasMore ? readDecimal(tokens.octets, tokens.start, tokens.end) : undefined
    const value = number ?? ALGORITHM[tokens.text().toUpperCase()]
    if (value === undefined || value > 255) return tokens.expected('an algorithm, a number or a mnemonic')
    out.u8(value)
    tokens.index++
    return true
  },
  format: rdata => rdata.takeNumber(1)?.toString(),
}

/**
 * Hex digits to the end of the record, white space allowed between them. `lengths` gives the length in octets for a
 * digest type, which stands in the octet before: a digest cut short is the usual mistake of copying one.
 */
export function digest(what: string, lengths: Readonly<Record<number, number>>): RdataField {
  return {
    parse(tokens, out) {
      const first = tokens.index
      const octets = hexToEnd(tokens, what)
      if (octets === undefined) return false
      const length = lengths[octet(out.octets, out.length - 1)]
      if (length !== undefined && octets.length !== length) {
        tokens.index = first
        return tokens.refuse(`${what} of this type has ${length} octets, not ${octets.length}`)
      }
      out.put(octets)
      return true
    },
    format: rdata => {
      const length = lengths[octet(rdata.octets, rdata.at - 1)]
      if (length !== undefined && rdata.left !== length) return undefined
      return textOf(rdata.takeRest(), 'hex')?.toUpperCase()
    },
  }
}

/** Reads the remaining tokens as hex digits. */
export function hexToEnd(tokens: TokenLine, what: string): Buffer | undefined {
  const text = joinToEnd(tokens)
  if (text !== '' && text.length % 2 === 0 && !NOT_HEX.test(text)) return Buffer.from(text, 'hex')
  tokens.expected(`${what} in hex digits, two an octet`)
  return undefined
}

/** Base64 to the end of the record, white space allowed in it (RFC 4034 2.2). */
export function base64(what: string): RdataField {
  return {
    parse(tokens, out) {
      const octets = base64Octets(joinToEnd(tokens))
      if (octets === undefined) return tokens.expected(`${what} in base64`)
      out.put(octets)
      return true
    },
    format: rdata => textOf(rdata.takeRest(), 'base64'),
  }
}

/** Strict base64 of at least one octet, with its padding. */
export function base64Octets(text: string): Buffer | undefined {
  const digits = text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text
  if (digits === '' || text.length % 4 !== 0 || NOT_BASE64.test(digits)) return undefined
  return Buffer.from(text, 'base64')
}

/** Takes all remaining tokens. */
function joinToEnd(tokens: TokenLine): string {
  const parts: string[] = []
  for (; tokens.hasMore; tokens.index++) parts.push(tokens.text())
  return parts.join('')
}

/** An empty field has no text that could be read back. */
function textOf(octets: Uint8Array, encoding: 'hex' | 'base64'): string | undefined {
  if (octets.length === 0) return undefined
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString(encoding)
}

/** The types that exist at a name (RFC 4034 4.1.2): windows of 256 types, a bit for each. */
export const typeBitmap: RdataField = {
  parse(tokens, out) {
    const types = new Set<number>()
    for (; tokens.hasMore; tokens.index++) {
      const type = parseType(tokens.text())
      if (type === undefined) return tokens.expected('a record type')
      types.add(type)
    }
    writeTypeBitmap(types, out)
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
      for (let bit = 0; bit < bits.length * 8; bit++) {
        if (((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
          types.push(typeText(window * TYPES_A_WINDOW + bit))
      }
    }
    return types.join(' ')
  },
}

function writeTypeBitmap(types: ReadonlySet<number>, out: OctetWriter): void {
  const windows = new Map<number, Uint8Array>()
  for (const type of [...types].sort((a, b) => a - b)) {
    const window = Math.floor(type / TYPES_A_WINDOW)
    const bits = windows.get(window) ?? new Uint8Array(WINDOW_LENGTH)
    const bit = type % TYPES_A_WINDOW
    bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
    windows.set(window, bits)
  }
  for (const [window, bits] of windows) {
    const length = bits.findLastIndex(value => value !== 0) + 1 // RFC 4034 4.1.2: trailing zero octets are left out
    out.u8(window)
    out.u8(length)
    out.putPart(bits, 0, length)
  }
}

function isBitmap(bits: Uint8Array): boolean {
  return bits.length > 0 && bits.length <= WINDOW_LENGTH && bits[bits.length - 1] !== 0
}
