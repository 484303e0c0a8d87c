import { TYPE } from '../wire/codes.ts'
import { COUNT, countOf, HEADER_LENGTH, RECORD_FIXED, skipName } from '../wire/message.ts'
import { lowerCase, octet, uint16, uint32 } from '../wire/octets.ts'
import type { Query } from './query.ts'

/** The five numbers of a SOA, of which the serial is the first (RFC 1035 3.3.13). */
const NUMBERS_LENGTH = 20

/**
 * The serial of the zone that the client of an IXFR holds: that of the SOA in the query's authority section, whose owner
 * is the zone (RFC 1995 3). Undefined if it is not so. The query is well formed.
 */
export function heldSerial(query: Query): number | undefined {
  const { message, length, questionEnd } = query
  if (countOf(message, COUNT.AUTHORITY) !== 1) return undefined
  const fixed = skipName(message, length, questionEnd)
  if (fixed === 0 || uint16(message, fixed) !== TYPE.SOA || !isQuestionsName(message, questionEnd))
    return undefined
  const end = fixed + RECORD_FIXED + uint16(message, fixed + 8)
  const mailbox = skipName(message, end, fixed + RECORD_FIXED)
  const numbers = mailbox === 0 ? 0 : skipName(message, end, mailbox)
  return numbers !== 0 && numbers + NUMBERS_LENGTH === end ? uint32(message, numbers) : undefined
}

/** Is the name at `at`, which may be compressed, that of the question? It has been found well formed. */
function isQuestionsName(message: Uint8Array, at: number): boolean {
  for (let asked = HEADER_LENGTH; ; ) {
    while (octet(message, at) >= 0xc0) at = uint16(message, at) & 0x3fff
    const label = octet(message, at)
    if (!isSameLabel(message, at, asked)) return false
    if (label === 0) return true
    at += label + 1
    asked += label + 1
  }
}

function isSameLabel(message: Uint8Array, at: number, other: number): boolean {
  const label = octet(message, at)
  for (let i = 0; i <= label; i++)
    if (lowerCase(octet(message, at + i)) !== lowerCase(octet(message, other + i))) return false
  return true
}
