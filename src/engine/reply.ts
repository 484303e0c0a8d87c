/** Writes a reply from front to back into the caller's buffer: question, rrsets whole or not at all, OPT, header. */
import { CLASS, TYPE } from '../wire/codes.ts'
import {
  COUNT,
  FLAG,
  flagsOf,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  OPCODE_MASK,
  putCount,
  RECORD_FIXED,
} from '../wire/message.ts'
import { NameWriter } from '../wire/name-writer.ts'
import { copyOctets, octet, putUint16, putUint32, uint16 } from '../wire/octets.ts'
import { isUnrelated, wireNameLength } from '../wire/wire-name.ts'
import { firstRdata, rrsetRecords, rrsetTtl, rrsetType } from '../zone/owner-entry.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { Transport } from './client.ts'
import type { Query } from './query.ts'
import { ReplyOptions, type ReplyOptionsParts } from './reply-options.ts'

/** RFC 9715 3.2: what passes nearly every path without fragments. */
const PAYLOAD_SIZE = 1232
/** RFC 1035 4.2.1: what a client without EDNS takes over UDP. */
const PLAIN_PAYLOAD_SIZE = 512

export type Section = typeof COUNT.ANSWER | typeof COUNT.AUTHORITY | typeof COUNT.ADDITIONAL

export class Reply {
  octets: Uint8Array = new Uint8Array(HEADER_LENGTH)
  at = HEADER_LENGTH
  authoritative = false
  truncated = false
  /** What else the OPT says; settled by `finish`. */
  readonly options: ReplyOptions
  readonly #query: Query
  /** Records end here; behind it is room for the OPT. */
  #recordLimit = 0
  #limit = 0
  #questionRemembered = false
  readonly #names: NameWriter
  readonly #keepsCase: boolean

  /** With `keepsCase`, names are compressed only if no letter changes its case. */
  constructor(
    query: Query,
    options: Omit<ReplyOptionsParts, 'payloadSize'> & { readonly keepsCase?: boolean },
  ) {
    this.#query = query
    this.#keepsCase = options.keepsCase ?? false
    this.#names = new NameWriter()
    this.options = new ReplyOptions(query, { ...options, payloadSize: PAYLOAD_SIZE })
  }

  /** Extended error of this reply (RFC 8914), or EDE.NONE. */
  set extendedError(code: number) {
    this.options.extendedError = code
  }

  /** Starts the reply to the query that has just been read; `reserved` octets at its end are left to a signature. */
  begin(octets: Uint8Array, transport: Transport, reserved: number): void {
    const query = this.#query
    this.octets = octets
    this.authoritative = false
    this.truncated = false
    this.#names.keepsCase = this.#keepsCase
    this.#forgetNames()
    this.#limit =
      Math.min(octets.length, transport === 'tcp' ? MAX_MESSAGE_LENGTH : this.#udpLimit()) - reserved
    for (let i = 0; i < HEADER_LENGTH; i++) octets[i] = 0 // a call of fill costs more
    // The question comes back octet for octet: a resolver checks its 0x20 bits.
    const end = query.hasQuestion ? query.questionEnd : HEADER_LENGTH
    copyOctets(query.message, HEADER_LENGTH, octets, HEADER_LENGTH, end - HEADER_LENGTH)
    putCount(octets, COUNT.QUESTION, query.hasQuestion ? 1 : 0)
    this.at = end
    this.#recordLimit = this.#limit - this.options.reserve(this.#limit - end, transport, reserved)
  }

  /** Do question, OPT and what was reserved fit? */
  get isWithinLimit(): boolean {
    return this.at <= this.#recordLimit
  }

  /** For the rest of this reply names are compressed as in one with `keepsCase`. */
  keepCase(): void {
    this.#names.keepsCase = true
  }

  /** Takes all records out again: the reply has the question alone. */
  dropRecords(): void {
    this.#forgetNames()
    this.at = this.#query.hasQuestion ? this.#query.questionEnd : HEADER_LENGTH
    this.octets.fill(0, COUNT.ANSWER, HEADER_LENGTH)
  }

  /**
   * Appends the rrset at an offset of the table to a section, its owner being the name at `from` in `source`. False,
   * and nothing appended, if it does not fit whole (RFC 2181 9).
   */
  putRrset(section: Section, source: Uint8Array, from: number, table: Uint8Array, rrset: number): boolean {
    return this.putRrsetWithTtl(section, source, from, table, rrset, rrsetTtl(table, rrset))
  }

  putRrsetWithTtl(
    section: Section,
    source: Uint8Array,
    from: number,
    table: Uint8Array,
    rrset: number,
    ttl: number,
  ): boolean {
    const start = this.at
    const mark = this.#names.mark
    const records = rrsetRecords(table, rrset)
    const type = rrsetType(table, rrset)
    let rdata = firstRdata(rrset)
    for (let left = records; left > 0; left--) {
      const fixed = this.#putFixed(source, from, type, ttl)
      const end =
        fixed === 0 ? 0 : this.#putRdata(fixed + RECORD_FIXED, type, table, rdata + 2, uint16(table, rdata))
      if (end === 0) {
        this.#names.rewind(mark)
        this.at = start
        return false
      }
      putUint16(this.octets, fixed + 8, end - fixed - RECORD_FIXED)
      this.at = end
      rdata += 2 + uint16(table, rdata)
    }
    putCount(this.octets, section, uint16(this.octets, section) + records)
    return true
  }

  /** Appends one record of an rrset. False, and nothing appended, if it does not fit. */
  putRecord(section: Section, { owner, type, ttl }: Omit<Rrset, 'rdatas'>, rdata: Uint8Array): boolean {
    const mark = this.#names.mark
    const fixed = this.#putFixed(owner, 0, type, ttl)
    const end = fixed === 0 ? 0 : this.#putRdata(fixed + RECORD_FIXED, type, rdata, 0, rdata.length)
    if (end === 0) {
      this.#names.rewind(mark)
      return false
    }
    putUint16(this.octets, fixed + 8, end - fixed - RECORD_FIXED)
    this.at = end
    putCount(this.octets, section, uint16(this.octets, section) + 1)
    return true
  }

  /** Appends a CNAME that no zone holds: the one a DNAME stands for (RFC 6672 3.1). */
  putCname(source: Uint8Array, from: number, ttl: number, target: Uint8Array, targetAt: number): boolean {
    const mark = this.#names.mark
    const fixed = this.#putFixed(source, from, TYPE.CNAME, ttl)
    const end = fixed === 0 ? 0 : this.#putName(fixed + RECORD_FIXED, target, targetAt)
    if (end === 0) {
      this.#names.rewind(mark)
      return false
    }
    putUint16(this.octets, fixed + 8, end - fixed - RECORD_FIXED)
    this.at = end
    putCount(this.octets, COUNT.ANSWER, uint16(this.octets, COUNT.ANSWER) + 1)
    return true
  }

  /** Appends a TXT record of one string of at most 255 octets, of class CH and with the question's name. */
  putChaosText(text: Uint8Array): boolean {
    const fixed = this.#putFixed(this.#query.message, HEADER_LENGTH, TYPE.TXT, 0)
    if (fixed === 0 || fixed + RECORD_FIXED + 1 + text.length > this.#recordLimit) return false
    putUint16(this.octets, fixed + 2, CLASS.CH)
    putUint16(this.octets, fixed + 8, text.length + 1)
    this.octets[fixed + RECORD_FIXED] = text.length
    this.octets.set(text, fixed + RECORD_FIXED + 1)
    this.at = fixed + RECORD_FIXED + 1 + text.length
    putCount(this.octets, COUNT.ANSWER, 1)
    return true
  }

  /** Writes OPT and header; returns the length of the reply. */
  finish(rcode: number): number {
    if (this.#query.edns.present) this.#putOpt(rcode)
    const asked = flagsOf(this.#query.message)
    // RFC 1035 4.1.1, RFC 4035 3.1.6: RD and CD are copied; RA, Z and AD are 0.
    let flags = FLAG.QR | (asked & (OPCODE_MASK | FLAG.RD | FLAG.CD)) | (rcode & 15)
    if (this.authoritative) flags |= FLAG.AA
    if (this.truncated) flags |= FLAG.TC
    putUint16(this.octets, 0, uint16(this.#query.message, 0))
    putUint16(this.octets, 2, flags)
    return this.at
  }

  #forgetNames(): void {
    this.#names.clear()
    this.#questionRemembered = false
  }

  #udpLimit(): number {
    const { present, payloadSize } = this.#query.edns
    return present ? Math.min(payloadSize, PAYLOAD_SIZE) : PLAIN_PAYLOAD_SIZE
  }

  #putOpt(rcode: number): void {
    this.at = this.options.put(this.octets, this.at, this.#limit, rcode)
    putCount(this.octets, COUNT.ADDITIONAL, uint16(this.octets, COUNT.ADDITIONAL) + 1)
  }

  /** Owner, type, class IN and ttl; returns the offset of the type, 0 if it does not fit. */
  #putFixed(source: Uint8Array, from: number, type: number, ttl: number): number {
    const fixed = this.#putName(this.at, source, from)
    if (fixed === 0 || fixed + RECORD_FIXED > this.#recordLimit) return 0
    putUint16(this.octets, fixed, type)
    putUint16(this.octets, fixed + 2, CLASS.IN)
    putUint32(this.octets, fixed + 4, ttl)
    return fixed
  }

  /** Names inside rdata are compressed in the types of RFC 1035 only (RFC 3597 4). */
  #putRdata(at: number, type: number, table: Uint8Array, from: number, length: number): number {
    switch (type) {
      case TYPE.NS:
      case TYPE.CNAME:
      case TYPE.PTR:
        return this.#putName(at, table, from)
      case TYPE.MX: {
        const name = this.#putPlain(at, table, from, 2)
        return name === 0 ? 0 : this.#putName(name, table, from + 2)
      }
      case TYPE.SOA: {
        const mailbox = from + wireNameLength(table, from)
        const second = this.#putName(at, table, from)
        const numbers = second === 0 ? 0 : this.#putName(second, table, mailbox)
        return numbers === 0 ? 0 : this.#putPlain(numbers, table, from + length - 20, 20)
      }
      default:
        return this.#putPlain(at, table, from, length)
    }
  }

  #isUnrelatedToQuestion(source: Uint8Array, from: number): boolean {
    return isUnrelated(source, from, this.#query.message, HEADER_LENGTH)
  }

  #putPlain(at: number, table: Uint8Array, from: number, length: number): number {
    if (at + length > this.#recordLimit) return 0
    copyOctets(table, from, this.octets, at, length)
    return at + length
  }

  #putName(at: number, source: Uint8Array, from: number): number {
    const question = this.#query.message
    if (source === question && octet(source, from) !== 0) {
      // A part of the question's name lies in the reply at the same offset.
      if (at + 2 > this.#recordLimit) return 0
      putUint16(this.octets, at, 0xc000 | from)
      return at + 2
    }
    // Most answers hold no name of the question's top level: a PTR's target has nothing of ip6.arpa.
    if (!this.#questionRemembered && this.#query.hasQuestion && !this.#isUnrelatedToQuestion(source, from)) {
      this.#names.remember(this.octets, HEADER_LENGTH)
      this.#questionRemembered = true
    }
    return this.#names.write(this.octets, at, this.#recordLimit, source, from)
  }
}
