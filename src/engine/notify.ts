/** A NOTIFY and what comes back (RFC 1996): octets, without a socket. */
import { CLASS, OPCODE, TYPE } from '../wire/codes.ts'
import {
  COUNT,
  countOf,
  FLAG,
  flagsOf,
  HEADER_LENGTH,
  opcodeOf,
  putCount,
  RECORD_FIXED,
} from '../wire/message.ts'
import { putUint16, putUint32, uint16 } from '../wire/octets.ts'
import { isSameName } from '../wire/wire-name.ts'
import type { Rrset } from '../zone/rrset.ts'

const OPCODE_SHIFT = 11
const RCODE_MASK = 15
/** Type and class behind a question's name. */
const QUESTION_FIXED = 4
/** A pointer to the question's name. */
const POINTER_LENGTH = 2
const TO_QUESTION = 0xc000 | HEADER_LENGTH

/** RFC 1996 3.7: the zone's SOA is the question, and its record, as a hint, the answer. */
export function writeNotify(id: number, { owner, ttl, rdatas }: Rrset): Uint8Array {
  const rdata = rdatas[0] ?? new Uint8Array()
  const answer = HEADER_LENGTH + owner.length + QUESTION_FIXED
  const octets = new Uint8Array(answer + POINTER_LENGTH + RECORD_FIXED + rdata.length)
  putUint16(octets, 0, id)
  putUint16(octets, 2, (OPCODE.NOTIFY << OPCODE_SHIFT) | FLAG.AA)
  putCount(octets, COUNT.QUESTION, 1)
  putCount(octets, COUNT.ANSWER, 1)
  octets.set(owner, HEADER_LENGTH)
  putUint16(octets, answer - QUESTION_FIXED, TYPE.SOA)
  putUint16(octets, answer - 2, CLASS.IN)
  const fixed = answer + POINTER_LENGTH
  putUint16(octets, answer, TO_QUESTION)
  putUint16(octets, fixed, TYPE.SOA)
  putUint16(octets, fixed + 2, CLASS.IN)
  putUint32(octets, fixed + 4, ttl)
  putUint16(octets, fixed + 8, rdata.length)
  octets.set(rdata, fixed + RECORD_FIXED)
  return octets
}

/** The rcode of a reply to a NOTIFY about the zone at `apex` (RFC 1996 4.7); undefined: it is no such reply. */
export function rcodeOfNotify(reply: Uint8Array, apex: Uint8Array): number | undefined {
  if (reply.length < HEADER_LENGTH || (flagsOf(reply) & FLAG.QR) === 0) return undefined
  if (opcodeOf(reply) !== OPCODE.NOTIFY) return undefined
  const rcode = flagsOf(reply) & RCODE_MASK
  if (countOf(reply, COUNT.QUESTION) === 0) return rcode // some errors come without the question
  const end = HEADER_LENGTH + apex.length
  if (reply.length < end + QUESTION_FIXED || !isSameName(reply, HEADER_LENGTH, apex, 0)) return undefined
  return uint16(reply, end) === TYPE.SOA ? rcode : undefined
}
