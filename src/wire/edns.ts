/** The OPT pseudo-record of EDNS(0) (RFC 6891 6.1) in a query, and what of its options matters to us. */
import { TYPE } from './codes.ts'
import { octet, putUint16, uint16 } from './octets.ts'

/** EDNS option codes (IANA). */
export const EDNS_OPTION = { NSID: 3, COOKIE: 10, EDE: 15 } as const

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
const CLIENT_COOKIE_LENGTH = 8
const MIN_SERVER_COOKIE_LENGTH = 8
const MAX_SERVER_COOKIE_LENGTH = 32

/** What a query's OPT says. One instance is filled again for each query. */
export class Edns {
  present = false
  version = 0
  payloadSize = MIN_PAYLOAD_SIZE
  dnssecOk = false
  asksNsid = false

  clear(): void {
    this.present = false
    this.version = 0
    this.payloadSize = MIN_PAYLOAD_SIZE
    this.dnssecOk = false
    this.asksNsid = false
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
      if (code === EDNS_OPTION.NSID) this.asksNsid = true
      if (code === EDNS_OPTION.COOKIE && !isCookieLength(optionLength)) return false
      // RFC 6891 6.1.2: options that are not known are ignored.
    }
    return true
  }
}

/** RFC 7873 5.2.2: a client cookie alone, or with a server cookie of 8 to 32 octets. */
function isCookieLength(length: number): boolean {
  const server = length - CLIENT_COOKIE_LENGTH
  return server === 0 || (server >= MIN_SERVER_COOKIE_LENGTH && server <= MAX_SERVER_COOKIE_LENGTH)
}

/** Writes an OPT that has `optionsLength` octets of options behind it; returns where those begin (RFC 6891 6.1.3). */
export function writeOpt(reply: Uint8Array, at: number, opt: Readonly<OptFields>): number {
  reply[at] = 0
  putUint16(reply, at + 1, TYPE.OPT)
  putUint16(reply, at + 3, opt.payloadSize)
  reply[at + 5] = opt.rcode >> 4
  reply[at + 6] = 0 // version
  putUint16(reply, at + 7, opt.dnssecOk ? DO_BIT : 0)
  putUint16(reply, at + 9, opt.optionsLength)
  return at + OPT_LENGTH
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
  optionsLength: number
}
