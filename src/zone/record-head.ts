import { parseType, TYPE } from '../wire/codes.ts'
import type { TokenLine } from '../wire/token-line.ts'
import { readSeconds } from '../wire/ttl.ts'

/** What stands between the owner and the rdata of a record. */
export interface RecordHead {
  /** Seconds; undefined where the record leaves it out. */
  readonly ttl: number | undefined
  readonly type: number
}

export const MAX_TTL = 2 ** 31 - 1 // RFC 2181 8

const FIRST_META_TYPE = 128
const LAST_META_TYPE = 255
const CLASS_IN = /^(?:IN|CLASS1)$/i
const CLASS_OTHER = /^(?:CH|CHAOS|HS|HESIOD|CS|CLASS[0-9]+)$/i

/** Reads TTL and class, which may stand in either order or be left out (RFC 1035 5.1), and the type. */
export function readRecordHead(tokens: TokenLine): RecordHead | undefined {
  let ttl: number | undefined
  let hasClass = false
  for (; tokens.hasMore; tokens.index++) {
    const seconds = ttl === undefined ? readTtl(tokens) : undefined
    if (tokens.message !== '') return undefined
    if (seconds !== undefined) ttl = seconds
    else if (!hasClass && CLASS_IN.test(tokens.text())) hasClass = true
    else break
  }
  const type = readType(tokens)
  return type === undefined ? undefined : { ttl, type }
}

/** Reads a TTL where the next token is one; does not take the token. A TTL that is too large is refused. */
export function readTtl(tokens: TokenLine): number | undefined {
  const seconds = tokens.hasMore ? readSeconds(tokens.octets, tokens.start, tokens.end) : undefined
  if (seconds === undefined || seconds <= MAX_TTL) return seconds
  tokens.expected(`a TTL of at most ${MAX_TTL} seconds`)
  return undefined
}

function readType(tokens: TokenLine): number | undefined {
  const text = tokens.text()
  const type = tokens.isQuoted ? undefined : parseType(text)
  if (type !== undefined && isDataType(type)) {
    tokens.index++
    return type
  }
  if (CLASS_OTHER.test(text)) tokens.expected('class IN, the only one served')
  else if (type !== undefined) tokens.expected('a type that a zone can hold')
  else tokens.expected('a TTL, a class or a record type')
  return undefined
}

/** RFC 6895 3.1: 0, OPT and 128 to 255 are no data of a zone. */
function isDataType(type: number): boolean {
  return type !== 0 && type !== TYPE.OPT && (type < FIRST_META_TYPE || type > LAST_META_TYPE)
}
