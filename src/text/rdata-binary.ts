import { octet } from '../wire/octets.ts'
import type { RdataField } from './rdata-field.ts'
import type { TokenLine } from './token-line.ts'

const NOT_HEX = /[^0-9a-f]/i
const NOT_BASE64 = /[^A-Za-z0-9+/]/
/** In the first octet of the flags. */
const NO_KEY = 0xc0
/** RFC 4648 7: the digits of base32 that sort as their octets do. */
const BASE32_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUV'

/** The lengths of a digest by the octet before it, and what becomes of a digest with another. */
interface DigestRule {
  readonly lengths: Readonly<Record<number, number>>
  readonly otherwise: 'refused' | 'warned of'
}

/**
 * Hex digits to the end of the record, white space allowed between them. `lengths` gives the length in octets for a
 * digest type, which stands in the octet before: a digest cut short is the usual mistake of copying one.
 */
export function digest(what: string, { lengths, otherwise }: DigestRule): RdataField {
  return {
    parse(tokens, out) {
      const first = tokens.index
      const octets = hexToEnd(tokens, what)
      if (octets === undefined) return false
      const length = lengths[octet(out.octets, out.length - 1)]
      if (length !== undefined && octets.length !== length) {
        const message = `${what} of this type has ${length} octets, not ${octets.length}`
        if (otherwise === 'refused') {
          tokens.index = first
          return tokens.refuse(message)
        }
        tokens.warn(message, first)
      }
      out.put(octets)
      return true
    },
    format: rdata => {
      const length = lengths[octet(rdata.octets, rdata.at - 1)]
      if (otherwise === 'refused' && length !== undefined && rdata.left !== length) return undefined
      return textOf(rdata.takeRest(), 'hex')?.toUpperCase()
    },
  }
}

/** Hex digits to the end of the record, white space allowed between them. */
export function hex(what: string): RdataField {
  return digest(what, { lengths: {}, otherwise: 'refused' })
}

/** Reads the remaining tokens as hex digits. */
export function hexToEnd(tokens: TokenLine, what: string): Buffer | undefined {
  const octets = hexOctets(joinToEnd(tokens))
  if (octets === undefined) tokens.expected(`${what} in hex digits, two an octet`)
  return octets
}

/** One octet or more, two hex digits each. */
export function hexOctets(text: string): Buffer | undefined {
  return text !== '' && text.length % 2 === 0 && !NOT_HEX.test(text) ? Buffer.from(text, 'hex') : undefined
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

/** The same if nothing may follow: octets are written as `none`, or left out if that is empty. */
export function optionalBase64(what: string, none: '' | '-' = ''): RdataField {
  const { parse } = base64(what)
  return {
    parse(tokens, out) {
      const isNone = none === '' ? !tokens.hasMore : tokens.text() === none
      if (!isNone) return parse(tokens, out)
      if (none !== '') tokens.index++
      return true
    },
    format: rdata => textOf(rdata.takeRest(), 'base64') ?? none,
  }
}

/** The key of a KEY, whose flags may say that there is none (RFC 2535 3.1.2). */
export const keyOrNone: RdataField = {
  parse: (tokens, out) => (saysNoKey(out.octets) && !tokens.hasMore) || A_KEY.parse(tokens, out),
  format: rdata => (saysNoKey(rdata.octets) && rdata.left === 0 ? '' : A_KEY.format(rdata)),
}

const A_KEY = base64('a key')

function saysNoKey(rdata: Uint8Array): boolean {
  return (octet(rdata, 0) & NO_KEY) === NO_KEY
}

/** Strict base64 of at least one octet, with its padding. */
export function base64Octets(text: string): Buffer | undefined {
  const digits = text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text
  if (digits === '' || text.length % 4 !== 0 || NOT_BASE64.test(digits)) return undefined
  return Buffer.from(text, 'base64')
}

/** Octets behind their length, in hex digits; `-` if there are none (RFC 5155 3.3). */
export const salt: RdataField = {
  parse(tokens, out) {
    const text = tokens.text()
    const octets = text === '-' ? new Uint8Array(0) : hexOctets(text)
    if (octets === undefined || octets.length > 255)
      return tokens.expected('a salt of up to 255 octets in hex digits, or -')
    out.u8(octets.length)
    out.put(octets)
    tokens.index++
    return true
  },
  format: rdata => {
    const octets = rdata.takeString()
    return octets === undefined ? undefined : (textOf(octets, 'hex')?.toUpperCase() ?? '-')
  },
}

/** A hashed owner behind its length, in base32 without padding (RFC 5155 3.3). */
export const hashedOwner: RdataField = {
  parse(tokens, out) {
    const octets = base32Octets(tokens.text())
    if (octets === undefined) return tokens.expected('a hashed owner in base32')
    out.u8(octets.length)
    out.put(octets)
    tokens.index++
    return true
  },
  format: rdata => {
    const octets = rdata.takeString() ?? new Uint8Array(0)
    return octets.length === 0 ? undefined : base32Text(octets)
  },
}

function base32Octets(text: string): Uint8Array | undefined {
  const octets: number[] = []
  let bits = 0
  let value = 0
  for (const digit of text.toUpperCase()) {
    const five = BASE32_DIGITS.indexOf(digit)
    if (five < 0) return undefined
    value = ((value << 5) | five) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    octets.push((value >> bits) & 0xff)
  }
  const isWhole = bits < 5 && (value & ((1 << bits) - 1)) === 0
  return isWhole && octets.length > 0 && octets.length <= 255 ? Uint8Array.from(octets) : undefined
}

function base32Text(octets: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const each of octets) {
    value = ((value << 8) | each) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text += BASE32_DIGITS[(value >> (bits - 5)) & 31] ?? ''
  }
  return bits === 0 ? text : text + (BASE32_DIGITS[(value << (5 - bits)) & 31] ?? '')
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
