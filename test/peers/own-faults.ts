import { FLAGS, type WireRecord, type WireReply } from '../wire-reader.ts'
import { type Served, serversBelow } from './comparable.ts'
import type { Question } from './random-question.ts'
import { recordText } from './record-text.ts'

/** The payload that we take for what passes every path (RFC 9715 3.2), and the one without EDNS (RFC 1035 4.2.1). */
const PAYLOAD_SIZE = 1232
const PLAIN_PAYLOAD_SIZE = 512
const DO_BIT = 0x8000
const OPCODE_AND_Z = 0x7840

/** What one reply of ours must be, whatever the others say: the rules it breaks, as sentences. */
export function ownFaults(reply: WireReply, question: Question, { borders, data }: Served): string[] {
  const faults: string[] = []
  const isTruncated = (reply.flags & FLAGS.TC) !== 0
  const copied = FLAGS.RD | FLAGS.CD
  if (!reply.question.equals(question.asked)) faults.push('the question does not come back as it was')
  if ((reply.flags & copied) !== question.flags) faults.push('RD and CD are not copied')
  if ((reply.flags & (OPCODE_AND_Z | FLAGS.RA | FLAGS.AD)) !== 0)
    faults.push('RA, AD, Z or the opcode is not zero')
  if ((reply.flags & FLAGS.QR) === 0) faults.push('QR is not set')
  if ((reply.opt !== undefined) !== (question.edns !== undefined))
    faults.push('OPT is there for a query without, or the other way')
  if (((reply.opt?.ttl ?? 0) & DO_BIT) !== (question.dnssecOk ? DO_BIT : 0))
    faults.push('DO is not copied (RFC 3225 3)')
  for (const records of [reply.answer, reply.authority, reply.additional]) {
    if (new Set(records.map(recordText)).size !== records.length)
      faults.push('a section holds a record twice')
  }
  for (const record of reply.additional) {
    if (!data.has(record)) faults.push(`no zone holds ${recordText(record)}`)
  }
  const added = new Set(reply.additional.map(recordText))
  for (const { owner, rdata } of isTruncated ? [] : serversBelow(reply)) {
    const glue = data.addressesOf(rdata, borders.zoneAbove(owner) ?? '')
    for (const record of glue)
      if (!added.has(recordText(record))) faults.push(`glue is missing (RFC 9471 2.1): ${recordText(record)}`)
  }
  return faults
}

/** A reply over UDP keeps to the payload size, and has TC exactly where the whole one does not fit. */
export function sizeFaults(
  octets: number,
  reply: WireReply,
  question: Question,
  whole: number | undefined,
): string[] {
  const limit = Math.min(PAYLOAD_SIZE, Math.max(PLAIN_PAYLOAD_SIZE, question.edns ?? 0))
  const isTruncated = (reply.flags & FLAGS.TC) !== 0
  const faults: string[] = []
  if (octets > limit) faults.push(`${octets} octets where ${limit} are allowed`)
  if (isTruncated && whole !== undefined && whole <= limit)
    faults.push(`TC, and the whole reply has ${whole} octets only`)
  return faults
}

/**
 * A chain that leaves the zone goes on as if its next name had been asked (RFC 1034 4.3.2 step 3a). `records` are the
 * part in the first zone.
 */
export function chainFaults(reply: WireReply, records: readonly WireRecord[], rest: WireReply): string[] {
  const faults: string[] = []
  if (reply.rcode !== rest.rcode) faults.push('the rcode is not that of the last name (RFC 6604 3)')
  if (setText(reply.answer) !== setText([...records, ...rest.answer]))
    faults.push('the answer is not the chain and what its next name has')
  if (setText(reply.authority) !== setText(rest.authority))
    faults.push('the authority section is not that of the last name')
  return faults
}

function setText(records: readonly WireRecord[]): string {
  return [...new Set(records.map(recordText))].sort().join('\n')
}
