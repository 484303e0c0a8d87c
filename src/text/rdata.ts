import { lowerCaseName } from '../wire/name.ts'
import { OctetWriter } from '../wire/octet-writer.ts'
import { readDecimal } from './decimal.ts'
import { hexToEnd } from './rdata-binary.ts'
import { layoutOf } from './rdata-layout.ts'
import { RdataReader } from './rdata-reader.ts'
import type { TokenLine } from './token-line.ts'

export type ParsedRdata =
  | { readonly kind: 'rdata'; readonly rdata: Uint8Array }
  | { readonly kind: 'fault'; readonly message: string; readonly index: number }

const MAX_RDATA_LENGTH = 65_535

/**
 * Reads rdata of a type from the tokens that are left, in the type's own notation or in the generic one of RFC 3597 5
 * (`\# length hex`). Relative names are completed with `origin`. A fault says what was expected, and at which token.
 */
export function parseRdata(type: number, tokens: TokenLine, origin?: Uint8Array): ParsedRdata {
  const out = new OctetWriter()
  tokens.origin = origin
  if (writeRdata(type, tokens, out)) return { kind: 'rdata', rdata: out.copy() }
  return { kind: 'fault', message: tokens.message, index: tokens.index }
}

/** The same into a buffer of the caller's, which it empties first. False leaves the reason in `tokens.message`. */
export function writeRdata(type: number, tokens: TokenLine, out: OctetWriter): boolean {
  out.clear()
  if (!writeFields(type, tokens, out)) return false
  if (out.isOverfull) return tokens.refuse(`the rdata is longer than ${MAX_RDATA_LENGTH} octets`)
  if (tokens.hasMore) return tokens.expected('the end of the record')
  return true
}

function writeFields(type: number, tokens: TokenLine, out: OctetWriter): boolean {
  const fields = layoutOf(type)
  if (isGeneric(tokens)) return writeGeneric(type, tokens, out)
  if (fields === undefined) return tokens.expected('\\#, for this type has no notation of its own')
  for (const field of fields) {
    if (!field.parse(tokens, out)) return false
  }
  return true
}

function isGeneric(tokens: TokenLine): boolean {
  return tokens.end - tokens.start === 2 && !tokens.isQuoted && tokens.text() === '\\#'
}

/** RFC 3597 5: the length, then as many octets in hex digits; of a known type they must make sense. */
function writeGeneric(type: number, tokens: TokenLine, out: OctetWriter): boolean {
  tokens.index++
  const length = tokens.hasMore ? readDecimal(tokens.octets, tokens.start, tokens.end) : undefined
  if (length === undefined || length > MAX_RDATA_LENGTH) return tokens.expected('the length of the rdata')
  const first = tokens.index++
  const octets = length === 0 && !tokens.hasMore ? new Uint8Array(0) : hexToEnd(tokens, 'the rdata')
  if (octets === undefined) return false
  tokens.index = octets.length === length ? tokens.index : first
  if (octets.length !== length)
    return tokens.refuse(`the length says ${length} octets, and ${octets.length} follow`)
  out.put(octets)
  if (layoutOf(type) === undefined || formatFields(type, octets) !== undefined) return true
  tokens.index = first
  return tokens.refuse('the octets are no rdata of this type')
}

/**
 * Writes rdata in its type's notation. Octets that make no sense for the type, and those of a type without a notation,
 * come out in the generic form of RFC 3597 5: what is in the table can always be shown.
 */
export function formatRdata(type: number, rdata: Uint8Array): string {
  // Rdata of no octets, of a type that may have none (RFC 3123 4), has no text of its own.
  return formatFields(type, rdata) || `\\# ${rdata.length} ${hex(rdata)}`.trimEnd()
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex').toUpperCase()
}

function formatFields(type: number, octets: Uint8Array): string | undefined {
  const rdata = new RdataReader(octets)
  const texts: string[] = []
  for (const field of layoutOf(type) ?? []) {
    const text = field.format(rdata)
    if (text === undefined) return undefined
    if (text !== '') texts.push(text)
  }
  return rdata.left === 0 ? texts.join(' ') : undefined
}

/**
 * Rdata in the form in which two are compared: names in lower case where the type's names are folded (RFC 4034 6.2).
 * Malformed rdata is its own canonical form.
 */
export function canonicalRdata(type: number, rdata: Uint8Array): Uint8Array {
  const fields = layoutOf(type) ?? []
  if (!fields.some(field => field.isFoldedName)) return rdata
  const canonical = Uint8Array.from(rdata)
  const reader = new RdataReader(rdata)
  for (const field of fields) {
    const start = reader.at
    if (field.format(reader) === undefined) return rdata
    if (field.isFoldedName) canonical.set(lowerCaseName(rdata.subarray(start, reader.at)), start)
  }
  return canonical
}
