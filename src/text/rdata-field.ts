import { formatIpv4, parseIpv4 } from '../address/ipv4.ts'
import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import { formatName } from '../wire/name.ts'
import type { OctetWriter } from '../wire/octet-writer.ts'
import { MAX_UINT32, readDecimal } from './decimal.ts'
import { quoted, writeUnescaped } from './escape.ts'
import { writeName } from './name-text.ts'
import type { RdataReader } from './rdata-reader.ts'
import type { TokenLine } from './token-line.ts'
import { readSeconds } from './ttl.ts'

/** One kind of field in the rdata of a type: how it is read from text, and how it is written as text. */
export interface RdataField {
  /** Reads the field's tokens and writes its octets. False leaves the reason in `tokens.message`. */
  parse(tokens: TokenLine, out: OctetWriter): boolean
  /** Takes the field's octets and gives its text; undefined if they are malformed. */
  format(rdata: RdataReader): string | undefined
  /** The field is a name whose letter case does not count in comparisons (RFC 4034 6.2, RFC 6840 5.1). */
  readonly isFoldedName?: boolean
}

const MAX_STRING_LENGTH = 255
const BAD_ESCAPE = '\\ needs three digits up to 255, or another character'

/** A domain name; never compressed in what we write. */
export const name: RdataField = {
  parse: writeName,
  format: rdata => {
    const octets = rdata.takeName()
    return octets === undefined ? undefined : formatName(octets)
  },
  isFoldedName: true,
}

/** A name of a type younger than RFC 3597: its letter case counts in comparisons. */
export const plainName: RdataField = { parse: name.parse, format: name.format }

export function u8(what: string): RdataField {
  return number(1, what)
}

export function u16(what: string): RdataField {
  return number(2, what)
}

export function u32(what: string): RdataField {
  return number(4, what)
}

function number(width: 1 | 2 | 4, what: string): RdataField {
  const max = 2 ** (8 * width) - 1
  const expected = `${what}, a number from 0 to ${max}`
  return {
    parse(tokens, out) {
      const value = tokens.hasMore ? readDecimal(tokens.octets, tokens.start, tokens.end) : undefined
      if (value === undefined || value > max) return tokens.expected(expected)
      writeNumber(value, width, out)
      tokens.index++
      return true
    },
    format: rdata => rdata.takeNumber(width)?.toString(),
  }
}

/** A number that is always zero. */
export function zero(what: string, width: 1 | 2 | 4): RdataField {
  return {
    parse(tokens, out) {
      if (tokens.text() !== '0') return tokens.expected(`${what}, which are 0`)
      writeNumber(0, width, out)
      tokens.index++
      return true
    },
    format: rdata => (rdata.takeNumber(width) === 0 ? '0' : undefined),
  }
}

function writeNumber(value: number, width: 1 | 2 | 4, out: OctetWriter): void {
  if (width === 1) out.u8(value)
  else if (width === 2) out.u16(value)
  else out.u32(value)
}

/** A span of time, in seconds or with units. */
export function seconds(what: string): RdataField {
  return {
    parse(tokens, out) {
      const value = tokens.hasMore ? readSeconds(tokens.octets, tokens.start, tokens.end) : undefined
      if (value === undefined) return tokens.expected(`${what}, seconds up to ${MAX_UINT32} or as in 1h30m`)
      out.u32(value)
      tokens.index++
      return true
    },
    format: rdata => rdata.takeNumber(4)?.toString(),
  }
}

export const ipv4: RdataField = {
  parse(tokens, out) {
    const address = parseIpv4(tokens.text())
    if (address === undefined) return tokens.expected('an IPv4 address')
    out.u32(address)
    tokens.index++
    return true
  },
  format: rdata => {
    const address = rdata.takeNumber(4)
    return address === undefined ? undefined : formatIpv4(address)
  },
}

export const ipv6: RdataField = {
  parse(tokens, out) {
    const address = parseIpv6(tokens.text())
    if (address === undefined) return tokens.expected('an IPv6 address')
    out.put(address)
    tokens.index++
    return true
  },
  format: rdata => {
    const address = rdata.take(16)
    return address === undefined ? undefined : formatIpv6(address)
  },
}

/** A character-string (RFC 1035 3.3): a length octet and up to 255 octets. */
export function string(what: string): RdataField {
  return {
    parse: (tokens, out) => writeString(tokens, out, what),
    format: rdata => {
      const octets = rdata.takeString()
      return octets === undefined ? undefined : quoted(octets)
    },
  }
}

/** The same, or nothing at the end. */
export function optionalString(what: string): RdataField {
  const { parse, format } = string(what)
  return {
    parse: (tokens, out) => !tokens.hasMore || parse(tokens, out),
    format: rdata => (rdata.left === 0 ? '' : format(rdata)),
  }
}

/** A character-string of digits alone, as many or more. */
export function digits(what: string, least: number): RdataField {
  const isRight = (text: string) => /^[0-9]+$/.test(text) && text.length >= least
  return {
    parse(tokens, out) {
      if (!isRight(tokens.text())) return tokens.expected(`${what} of ${least} digits or more`)
      return writeString(tokens, out, what)
    },
    format: rdata => {
      const text = Buffer.from(rdata.takeString() ?? []).toString('latin1')
      return isRight(text) ? `"${text}"` : undefined
    },
  }
}

/** One character-string or more, to the end (RFC 1035 3.3.14). */
export const strings: RdataField = {
  parse(tokens, out) {
    do {
      if (!writeString(tokens, out, 'a string')) return false
    } while (tokens.hasMore)
    return true
  },
  format(rdata) {
    const texts: string[] = []
    do {
      const octets = rdata.takeString()
      if (octets === undefined) return undefined
      texts.push(quoted(octets))
    } while (rdata.left > 0)
    return texts.join(' ')
  },
}

function writeString(tokens: TokenLine, out: OctetWriter, what: string): boolean {
  if (!tokens.hasMore) return tokens.expected(what)
  const lengthAt = out.length
  out.u8(0)
  if (!writeUnescaped(tokens.octets, tokens.start, tokens.end, out)) return tokens.refuse(BAD_ESCAPE)
  const length = out.length - lengthAt - 1
  if (length > MAX_STRING_LENGTH) return tokens.refuse('a string is longer than 255 octets: write several')
  if (!out.isOverfull) out.octets[lengthAt] = length
  tokens.index++
  return true
}

/** The tag of a CAA record (RFC 8659 4.1): a character-string of letters and digits, never quoted. */
export const caaTag: RdataField = {
  parse(tokens, out) {
    const tag = tokens.text()
    if (!/^[0-9A-Za-z]{1,255}$/.test(tag)) return tokens.expected('a tag of letters and digits')
    return writeString(tokens, out, 'a tag')
  },
  format: rdata => {
    const tag = Buffer.from(rdata.takeString() ?? []).toString('latin1')
    return /^[0-9A-Za-z]+$/.test(tag) ? tag : undefined
  },
}

/** A text that fills the rest of the rdata without a length octet (RFC 8659 4.1, RFC 7553 4.4). */
export function rest(what: string): RdataField {
  return {
    parse(tokens, out) {
      if (!tokens.hasMore) return tokens.expected(what)
      if (!writeUnescaped(tokens.octets, tokens.start, tokens.end, out)) return tokens.refuse(BAD_ESCAPE)
      tokens.index++
      return true
    },
    format: rdata => quoted(rdata.takeRest()),
  }
}
