/** A query read strictly and in one pass: work is linear in its length, whatever it holds. */
import { TYPE } from '../wire/codes.ts'
import { Edns } from '../wire/edns.ts'
import { COUNT, countOf, HEADER_LENGTH, RECORD_FIXED, skipName, skipQuestionName } from '../wire/message.ts'
import { octet, uint16 } from '../wire/octets.ts'
import { Tsig } from '../wire/tsig.ts'

const QUESTION_FIXED = 4

/** One instance is filled again for each message: nothing is allocated for a query. */
export class Query {
  message: Uint8Array = new Uint8Array(HEADER_LENGTH)
  length = 0
  /** Does the message hold one well-formed question? Then it comes back with every reply, octet for octet. */
  hasQuestion = false
  /** Offset behind the question. */
  questionEnd = HEADER_LENGTH
  type = 0
  class = 0
  malformed = false
  /** Does a server cookie of ours show that the sender is where it says it is? Such a query needs no rate limit. */
  hasValidCookie = false
  readonly edns = new Edns()
  readonly tsig = new Tsig()

  /** Reads as far as the message is well formed, so that even a FORMERR can carry the question and an OPT. */
  read(message: Uint8Array, length: number): void {
    this.message = message
    this.length = length
    this.hasQuestion = false
    this.questionEnd = HEADER_LENGTH
    this.type = 0
    this.class = 0
    this.hasValidCookie = false
    this.edns.clear()
    this.tsig.clear()
    this.malformed = !this.#readSections()
  }

  #readSections(): boolean {
    let at = this.#readQuestions(countOf(this.message, COUNT.QUESTION))
    if (at === 0) return false
    const authority = countOf(this.message, COUNT.AUTHORITY)
    at = this.#skipRecords(at, countOf(this.message, COUNT.ANSWER) + authority)
    if (at === 0) return false
    at = this.#readAdditional(at, countOf(this.message, COUNT.ADDITIONAL))
    // RFC 1995 3: only an IXFR query has something to say in the authority section.
    if (authority !== 0 && this.type !== TYPE.IXFR) return false
    return at === this.length // no octet may follow the last record
  }

  #readQuestions(count: number): number {
    let at = HEADER_LENGTH
    for (let i = 0; i < count; i++) {
      const fixed = skipQuestionName(this.message, this.length, at)
      if (fixed === 0 || fixed + QUESTION_FIXED > this.length) return 0
      at = fixed + QUESTION_FIXED
    }
    if (count !== 1) return at
    this.hasQuestion = true
    this.questionEnd = at
    this.type = uint16(this.message, at - 4)
    this.class = uint16(this.message, at - 2)
    return at
  }

  #skipRecords(at: number, count: number): number {
    for (let i = 0; i < count && at !== 0; i++) at = this.#skipRecord(at)
    return at
  }

  #readAdditional(at: number, count: number): number {
    for (let i = 0; i < count; i++) {
      const fixed = skipName(this.message, this.length, at)
      if (fixed === 0 || fixed + RECORD_FIXED > this.length) return 0
      const type = uint16(this.message, fixed)
      const isOpt = type === TYPE.OPT
      const again = isOpt && this.edns.present
      if (isOpt) this.edns.present = true
      const end = fixed + RECORD_FIXED + uint16(this.message, fixed + 8)
      if (end > this.length) return 0
      // RFC 6891 6.1.1: one OPT at most; 6.1.2: its owner is the root.
      if (again || (isOpt && octet(this.message, at) !== 0)) return 0
      if (isOpt && !this.edns.read(this.message, fixed)) return 0
      if (type === TYPE.TSIG && (i + 1 !== count || !this.#readTsig(at, fixed, end))) return 0
      at = end
    }
    return at
  }

  /** RFC 8945 5.2: nothing may follow a TSIG, so that there can not be two of them either. */
  #readTsig(at: number, fixed: number, end: number): boolean {
    return end === this.length && this.tsig.read(this.message, at, fixed)
  }

  #skipRecord(at: number): number {
    const fixed = skipName(this.message, this.length, at)
    if (fixed === 0 || fixed + RECORD_FIXED > this.length) return 0
    // RFC 8945 5.2: in a section before the additional one, a TSIG is malformed.
    if (uint16(this.message, fixed) === TYPE.TSIG) return 0
    const end = fixed + RECORD_FIXED + uint16(this.message, fixed + 8)
    return end <= this.length ? end : 0
  }
}
