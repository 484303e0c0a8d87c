import type { TokenLine } from '../text/token-line.ts'
import { readSeconds } from '../text/ttl.ts'
import { parseType, TYPE } from '../wire/codes.ts'
import { octet } from '../wire/octets.ts'

/** What stands between the owner and the rdata of a record. */
export interface RecordHead {
  /** Seconds; undefined if the record leaves it out. */
  readonly ttl: number | undefined
  readonly type: number
}

export const MAX_TTL = 2 ** 31 - 1 // RFC 2181 8

const FIRST_META_TYPE = 128
const LAST_META_TYPE = 255
const CLASS_1 = /^CLASS1$/i
const CLASS_OTHER = /^(?:CH|CHAOS|HS|HESIOD|CS|CLASS[0-9]+)$/i

/** The types with short mnemonics, by their packed letters: a string for each of a million records is garbage. */
const MAX_PACKED = 4
const CASE_BIT = 0x20
const UPPER_A = 0x41
const UPPER_Z = 0x5a
const TYPE_BY_LETTERS = new Map<number, number>(
  Object.entries(TYPE)
    .filter(([mnemonic]) => mnemonic.length <= MAX_PACKED)
    .map(([mnemonic, type]) => [packedLetters(Buffer.from(mnemonic), 0, mnemonic.length), type] as const)
    .filter(([letters]) => letters !== 0), // a digit in it: A6, L32, X25
)
const CLASS_IN_LETTERS = packedLetters(Buffer.from('IN'), 0, 2)

/** Reads TTL and class, which may stand in either order or be left out (RFC 1035 5.1), and the type. */
export function readRecordHead(tokens: TokenLine): RecordHead | undefined {
  const ttl = readTtlAndClass(tokens)
  const type = readType(tokens)
  return type === undefined ? undefined : { ttl, type }
}

/** The TTL, undefined if it is left out; goes behind the class too. */
export function readTtlAndClass(tokens: TokenLine): number | undefined {
  let ttl: number | undefined
  let hasClass = false
  for (; tokens.hasMore; tokens.index++) {
    const seconds = ttl === undefined ? readTtl(tokens) : undefined
    if (seconds !== undefined) ttl = seconds
    else if (!hasClass && isClassIn(tokens)) hasClass = true
    else break
  }
  return ttl
}

/**
 * Reads a TTL where the next token is one; does not take the token. RFC 2181 8: one with the highest bit set counts as
 * 0, which is warned of.
 */
export function readTtl(tokens: TokenLine): number | undefined {
  const seconds = tokens.hasMore ? readSeconds(tokens.octets, tokens.start, tokens.end) : undefined
  if (seconds === undefined || seconds <= MAX_TTL) return seconds
  tokens.warn(`a TTL of more than ${MAX_TTL} seconds counts as 0`)
  return 0
}

/** Straight from the octets: most tokens that are tried here are types. */
function isClassIn(tokens: TokenLine): boolean {
  const { octets, start, end } = tokens
  if (end - start === 2) return packedLetters(octets, start, end) === CLASS_IN_LETTERS
  return end - start === 6 && CLASS_1.test(tokens.text())
}

function readType(tokens: TokenLine): number | undefined {
  const type = tokens.hasMore && !tokens.isQuoted ? typeAt(tokens) : undefined
  if (type !== undefined && isDataType(type)) {
    tokens.index++
    return type
  }
  const text = tokens.text()
  if (CLASS_OTHER.test(text)) tokens.expected('class IN, the only one served')
  else if (type !== undefined) tokens.expected('a type that a zone can hold')
  else tokens.expected('a TTL, a class or a record type')
  return undefined
}

function typeAt(tokens: TokenLine): number | undefined {
  const { octets, start, end } = tokens
  return TYPE_BY_LETTERS.get(packedLetters(octets, start, end)) ?? parseType(tokens.text())
}

/** RFC 6895 3.1: 0, OPT and 128 to 255 are no data of a zone. */
function isDataType(type: number): boolean {
  return type !== 0 && type !== TYPE.OPT && (type < FIRST_META_TYPE || type > LAST_META_TYPE)
}

/** Up to four letters in one number, letter case aside; 0 if they are more, or none, or others beside them. */
function packedLetters(octets: Uint8Array, start: number, end: number): number {
  if (end - start > MAX_PACKED) return 0
  let packed = 0
  for (let at = start; at < end; at++) {
    const upper = octet(octets, at) & ~CASE_BIT
    if (upper < UPPER_A || upper > UPPER_Z) return 0
    packed = (packed << 8) | upper
  }
  return packed
}
