import { OPCODE } from '../wire/codes.ts'
import { COUNT, countOf, FLAG, flagsOf, HEADER_LENGTH, opcodeOf } from '../wire/message.ts'

/**
 * What becomes of a message: silence, an error that needs no look inside, or the way it is answered. A query without
 * a question may be one for a cookie (RFC 7873 5.4): that takes a look at its OPT.
 */
export const VERDICT = { DROP: 0, FORMERR: 1, NOTIMP: 2, QUERY: 3, NOTIFY: 4, NO_QUESTION: 5 } as const
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT]

/**
 * Decides from the 12-byte header alone what becomes of a message (RFC 1035 4.1.1, RFC 8906 3). The TC bit of a query
 * means nothing and is not looked at.
 */
export function accept(message: Uint8Array, length: number): Verdict {
  if (length < HEADER_LENGTH || length > message.length) return VERDICT.DROP // no id to answer to
  if ((flagsOf(message) & FLAG.QR) !== 0) return VERDICT.DROP // two servers would answer each other for ever
  const opcode = opcodeOf(message)
  if (opcode !== OPCODE.QUERY && opcode !== OPCODE.NOTIFY) return VERDICT.NOTIMP // RFC 8906 3.1.4
  const questions = countOf(message, COUNT.QUESTION)
  if (questions > 1) return VERDICT.FORMERR // RFC 9619 4
  // A NOTIFY may carry a SOA in the answer section (RFC 1996 3.7).
  if (opcode === OPCODE.NOTIFY) return questions === 1 ? VERDICT.NOTIFY : VERDICT.FORMERR
  if (countOf(message, COUNT.ANSWER) !== 0) return VERDICT.FORMERR
  if (countOf(message, COUNT.AUTHORITY) > 1) return VERDICT.FORMERR // one SOA, and in an IXFR only (RFC 1995 3)
  return questions === 1 ? VERDICT.QUERY : VERDICT.NO_QUESTION
}
