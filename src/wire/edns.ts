/** The OPT pseudo-record of EDNS(0) (RFC 6891 6.1) in a query, and what of its options matters to us. */
import { TYPE } from './codes.ts'
import { isCookieLength } from './cookie.ts'
import { octet, putUint16, uint16 } from './octets.ts'

/** EDNS option codes (IANA). */
export const EDNS_OPTION = {
  NSID: 3,
  EXPIRE: 9,
  COOKIE: 10,
  TCP_KEEPALIVE: 11,
  PADDING: 12,
  EDE: 15,
  ZONEVERSION: 19,
} as const

/** The options of a query that matter to us, as bits: that there are none is seen with one look. */
export const ASKS = {
  NSID: 1,
  EXPIRE: 2,
  COOKIE: 4,
  TCP_KEEPALIVE: 8,
  PADDING: 16,
  ZONEVERSION: 32,
  /** A keepalive option of a length that it can't have: over TCP an error, over UDP nothing. */
  ODD_KEEPALIVE: 64,
} as const

/** Extended DNS errors (RFC 8914 5.2). */
export const EDE = {
  NONE: -1,
  PROHIBITED: 18,
  NOT_AUTHORITATIVE: 20,
  NOT_READY: 14,
  INVALID_QUERY_TYPE: 30,
} as const

/** OPT without options: root owner, type, payload size, extended rcode and flags, rdlength. */
export const OPT_LENGTH = 11
export const OPTION_HEAD = 4
const DO_BIT = 0x8000
const MIN_PAYLOAD_SIZE = 512
/** RFC 7828 3.1: empty, or a time-out of two octets. */
const TIMEOUT_LENGTH = 2

/** What a query's OPT says. One instance is filled again for each query. */
export class Edns {
  present = false
  version = 0
  payloadSize = MIN_PAYLOAD_SIZE
  dnssecOk = false
  /** Bits of ASKS. */
  asks = 0
  /** Where the data of the COOKIE option are, and how many octets. */
  cookieAt = 0
  cookieLength = 0

  clear(): void {
    this.present = false
    this.version = 0
    this.payloadSize = MIN_PAYLOAD_SIZE
    this.dnssecOk = false
    this.asks = 0
  }

  /** Reads the OPT whose type field is at `fixed` and whose rdata lie within the message. False: malformed. */
  read(message: Uint8Array, fixed: number): boolean {
    this.present = true
    // RFC 6891 6.2.3: values below 512 are taken for 512.
    this.payloadSize = Math.max(uint16(message, fixed + 2), MIN_PAYLOAD_SIZE)
    this.version = octet(message, fixed + 5)
    this.dnssecOk = (uint16(message, fixed + 6) & DO_BIT) !== 0
    return this.#readOptions(message, fixed + 10, uint16(message, fixed + 8))
  }

  #readOptions(message: Uint8Array, at: number, length: number): boolean {
    const end = at + length
    while (at < end) {
      if (at + OPTION_HEAD > end) return false
      const code = uint16(message, at)
      const optionLength = uint16(message, at + 2)
      at += OPTION_HEAD + optionLength
      if (at > end) return false
      if (!this.#readOption(code, at - optionLength, optionLength)) return false
    }
    return true
  }

  #readOption(code: number, at: number, length: number): boolean {
    switch (code) {
      case EDNS_OPTION.NSID:
        this.asks |= ASKS.NSID
        return true
      case EDNS_OPTION.EXPIRE:
        this.asks |= ASKS.EXPIRE
        return true
      case EDNS_OPTION.COOKIE:
        return this.#readCookie(at, length)
      case EDNS_OPTION.TCP_KEEPALIVE:
        this.asks |= length === 0 || length === TIMEOUT_LENGTH ? ASKS.TCP_KEEPALIVE : ASKS.ODD_KEEPALIVE
        return true
      case EDNS_OPTION.PADDING:
        this.asks |= ASKS.PADDING
        return true
      case EDNS_OPTION.ZONEVERSION: {
        // RFC 9660 3.2.1: with data, or there twice, it is malformed.
        const isFirst = (this.asks & ASKS.ZONEVERSION) === 0
        this.asks |= ASKS.ZONEVERSION
        return isFirst && length === 0
      }
      default:
        return true // RFC 6891 6.1.2: options that are not known are ignored
    }
  }

  #readCookie(at: number, length: number): boolean {
    if ((this.asks & ASKS.COOKIE) !== 0) return true // RFC 7873 5.2: the first one counts, the others are ignored
    if (!isCookieLength(length)) return false
    this.asks |= ASKS.COOKIE
    this.cookieAt = at
    this.cookieLength = length
    return true
  }
}

/** Writes an OPT without options; returns where they go (RFC 6891 6.1.3). */
export function writeOpt(reply: Uint8Array, at: number, opt: Readonly<OptFields>): number {
  reply[at] = 0
  putUint16(reply, at + 1, TYPE.OPT)
  putUint16(reply, at + 3, opt.payloadSize)
  reply[at + 5] = opt.rcode >> 4
  reply[at + 6] = 0 // version
  putUint16(reply, at + 7, opt.dnssecOk ? DO_BIT : 0)
  putUint16(reply, at + OPT_LENGTH - 2, 0)
  return at + OPT_LENGTH
}

/** Notes in the OPT at `at` that its options end at `end`. */
export function closeOpt(reply: Uint8Array, at: number, end: number): void {
  putUint16(reply, at + OPT_LENGTH - 2, end - at - OPT_LENGTH)
}

/** Writes the head of an option; returns where its data begin. */
export function writeOptionHead(reply: Uint8Array, at: number, code: number, length: number): number {
  putUint16(reply, at, code)
  putUint16(reply, at + 2, length)
  return at + OPTION_HEAD
}

/** Values of a reply's OPT. */
export interface OptFields {
  payloadSize: number
  dnssecOk: boolean
  /** The whole rcode; its upper eight bits go here, the others into the header. */
  rcode: number
}
