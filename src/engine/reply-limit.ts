import { RCODE } from '../wire/codes.ts'
import { ASKS, EDE } from '../wire/edns.ts'
import type { Answer } from './answer.ts'
import type { Client } from './client.ts'
import type { Counts } from './counts.ts'
import type { Query } from './query.ts'
import { NO_NAME, PASSAGE, RateLimit, type RateLimitOptions } from './rate-limit.ts'
import type { Reply } from './reply.ts'

/** Instead of an rcode: there is no reply. */
export const SILENCE = -1
/** Kinds of replies that the rate limit tells apart: errors, and the others by rcode and AA. */
const AUTHORITATIVE_KIND = 0x10
const ERROR_KIND = 0x20

interface ReplyLimitParts {
  readonly query: Query
  readonly reply: Reply
  readonly answer: Answer
  readonly counts: Counts
  readonly hasCookies: boolean
}

/** Holds replies to a network back that gets too many: they are not sent, or cut to what costs its owner little. */
export class ReplyLimit {
  readonly #rateLimit: RateLimit
  readonly #query: Query
  readonly #reply: Reply
  readonly #answer: Answer
  readonly #counts: Counts
  readonly #hasCookies: boolean

  constructor(options: RateLimitOptions, { query, reply, answer, counts, hasCookies }: ReplyLimitParts) {
    this.#rateLimit = new RateLimit(options)
    this.#query = query
    this.#reply = reply
    this.#answer = answer
    this.#counts = counts
    this.#hasCookies = hasCookies
  }

  /**
   * What the rate limit leaves of a reply. TCP and our own cookies show that the source is not forged; a TSIG does not:
   * a signed query can be sent again with another source. Returns the rcode, or SILENCE.
   */
  limited(rcode: number, client: Client): number {
    if (client.transport === 'tcp' || this.#query.hasValidCookie) return rcode
    const hasName = rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
    const kind = hasName ? rcode | (this.#reply.authoritative ? AUTHORITATIVE_KIND : 0) : ERROR_KIND
    const at = hasName ? this.#answer.sourceAt : NO_NAME
    switch (this.#rateLimit.pass(client, kind, this.#query.message, at)) {
      case PASSAGE.SEND:
        return rcode
      case PASSAGE.DROP:
        this.#counts.limited++
        return SILENCE
      default:
        this.#counts.slipped++
        return this.#slip()
    }
  }

  /** An answer without records: the client comes again by TCP or, if it has sent a cookie, with ours (RFC 7873 5.2.3). */
  #slip(): number {
    this.#reply.dropRecords()
    this.#reply.authoritative = false
    this.#reply.extendedError = EDE.NONE
    if (this.#hasCookies && (this.#query.edns.asks & ASKS.COOKIE) !== 0) return RCODE.BADCOOKIE
    this.#reply.truncated = true
    return RCODE.NOERROR
  }
}
