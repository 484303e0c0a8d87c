import { RCODE, TYPE } from '../../src/wire/codes.ts'
import { FLAGS, type WireRecord, type WireReply } from '../wire-reader.ts'
import type { Borders } from './chain.ts'
import type { Question } from './random-question.ts'
import { recordText } from './record-text.ts'
import type { ZoneData } from './zone-data.ts'

const MNEMONICS = new Map<number, string>(Object.entries(RCODE).map(([mnemonic, code]) => [code, mnemonic]))

/** What all of them serve. */
export interface Served {
  readonly borders: Borders
  readonly data: ZoneData
}

/**
 * What servers must agree on, as text. Left to each of them are the order of records, the NS of the apex beside a
 * positive answer (RFC 1034 4.3.2 has them, minimal answers have not), all of the additional section but the glue
 * below a cut (RFC 9471 2.1), be it there and not made from a wildcard, and whether a chain of aliases is followed into another zone.
 */
export function comparable(reply: WireReply, { qname, qtype }: Question, { borders, data }: Served): string {
  const home = borders.homePart(reply, qname, qtype)
  const head = isAuthoritative(reply) ? ' AA' : ''
  if (home !== undefined) return ['a chain', head, ...section('answer', home.records)].join('\n')
  // RFC 8482: what an answer to ANY holds is the server's choice.
  if (qtype === TYPE.ANY && reply.answer.length > 0) return ['some answer', head].join('\n')
  const isApexNs = ({ owner, type }: WireRecord) => type === TYPE.NS && borders.isApex(owner)
  return [
    rcodeText(reply.rcode),
    head,
    ...section('answer', reply.answer),
    ...section(
      'authority',
      reply.authority.filter(record => reply.answer.length === 0 || !isApexNs(record)),
    ),
    ...section(
      'glue',
      glueOf(reply).filter(record => data.has(record)),
    ),
  ].join('\n')
}

/** The whole reply for a reader, the additional section included. */
export function replyText(reply: WireReply): string {
  const flags = Object.entries(FLAGS).filter(([name, flag]) => name !== 'QR' && (reply.flags & flag) !== 0)
  return [
    [rcodeText(reply.rcode), ...flags.map(([name]) => name)].join(' '),
    ...section('answer', reply.answer),
    ...section('authority', reply.authority),
    ...section('additional', reply.additional),
  ].join('\n')
}

function rcodeText(rcode: number): string {
  return MNEMONICS.get(rcode) ?? `RCODE${rcode}`
}

function isAuthoritative(reply: WireReply): boolean {
  return (reply.flags & FLAGS.AA) !== 0
}

export function section(name: string, records: readonly WireRecord[]): string[] {
  return [...new Set(records.map(recordText))].sort().map(text => `  ${name}: ${text}`)
}

/** The addresses of the servers that lie at or below the cut that the reply refers to. */
function glueOf(reply: WireReply): WireRecord[] {
  const names = new Set(serversBelow(reply).map(({ rdata }) => rdata.toString('hex')))
  return reply.additional.filter(({ owner, type }) => isAddress(type) && names.has(owner.toString('hex')))
}

/** The NS of a referral whose servers lie at or below the cut. */
export function serversBelow({ authority }: WireReply): WireRecord[] {
  return authority.filter(({ type, owner, rdata }) => type === TYPE.NS && isBelow(rdata, owner))
}

function isAddress(type: number): boolean {
  return type === TYPE.A || type === TYPE.AAAA
}

/** Both are in lower case. */
function isBelow(name: Buffer, top: Buffer): boolean {
  let at = 0
  while (name.length - at > top.length) at += 1 + name.readUInt8(at)
  return name.subarray(at).equals(top)
}
