/**
 * The OPT of a reply and its options. Two kinds:
 *
 * - COOKIE, the keepalive time-out and NSID have their room before any record has: a client that knows our cookie
 *   throws a reply without one away (RFC 7873 5.3). Only an NSID that is too long for the reply yields.
 * - What tells about the answer comes after the records, in the order of its worth, where it fits: EXPIRE, the
 *   extended error, ZONEVERSION. To ask for it never changes the answer. Padding takes what is left.
 */
import { COOKIE_LENGTH } from '../wire/cookie.ts'
import {
  ASKS,
  closeOpt,
  EDE,
  EDNS_OPTION,
  OPT_LENGTH,
  OPTION_HEAD,
  type OptFields,
  writeOpt,
  writeOptionHead,
} from '../wire/edns.ts'
import { copyOctets, putUint16, putUint32 } from '../wire/octets.ts'
import type { Transport } from './client.ts'
import type { Cookies } from './cookies.ts'
import type { Query } from './query.ts'

const COOKIE_ROOM = OPTION_HEAD + COOKIE_LENGTH
const TIMEOUT_LENGTH = 2
const KEEPALIVE_ROOM = OPTION_HEAD + TIMEOUT_LENGTH
const EXPIRE_LENGTH = 4
const ERROR_LENGTH = 2
const ZONE_VERSION_LENGTH = 6
/** RFC 9660 4: the version is the SOA's serial. */
const SOA_SERIAL = 0

/** RFC 7828 3.1: the time-out is in units of 100 ms, and no longer than two octets can say. */
const TIMEOUT_UNIT_MS = 100
const MAX_TIMEOUT = 0xffff
/** RFC 8467 4.1: replies are padded to a multiple of this. */
const PADDING_BLOCK = 468

/** Nothing is known of it. */
const NONE = -1

export interface ReplyOptionsParts {
  /** Empty: none is sent. */
  readonly nsid: Uint8Array
  readonly payloadSize: number
  /** Undefined: cookies are off. */
  readonly cookies: Cookies | undefined
  /** Idle time-out of TCP connections in milliseconds; 0: nothing is said about it. */
  readonly tcpIdleMs: number
}

export class ReplyOptions {
  /** Extended error of this reply (RFC 8914), or EDE.NONE. */
  extendedError: number = EDE.NONE
  readonly #query: Query
  readonly #nsid: Uint8Array
  readonly #cookies: Cookies | undefined
  readonly #timeout: number
  readonly #opt: OptFields
  /** Octets of the signature that comes behind the OPT. */
  #behind = 0
  /** Bits of ASKS: what this reply is to carry. */
  #sends = 0
  #zoneLabels = NONE
  #serial = 0
  #expire = NONE

  constructor(query: Query, { nsid, payloadSize, cookies, tcpIdleMs }: ReplyOptionsParts) {
    this.#query = query
    this.#nsid = nsid
    this.#cookies = cookies
    this.#timeout = Math.min(Math.floor(tcpIdleMs / TIMEOUT_UNIT_MS), MAX_TIMEOUT)
    this.#opt = { payloadSize, dnssecOk: false, rcode: 0 }
  }

  /**
   * Starts a reply that has `room` octets behind its question, and a signature of `behind` octets after those; returns
   * how many of the room records can't have.
   */
  reserve(room: number, transport: Transport, behind: number): number {
    const { present, asks } = this.#query.edns
    this.extendedError = EDE.NONE
    this.#sends = 0
    this.#behind = behind
    if (!present) return 0
    if (asks === 0) return OPT_LENGTH
    return this.#reserveAsked(room, transport === 'tcp' ? asks : asks & ~ASKS_OVER_TCP)
  }

  /** Notes the zone that encloses the question's name (RFC 9660 2.1), its labels counted without the root. */
  noteZone(labels: number, serial: number): void {
    this.#zoneLabels = labels
    this.#serial = serial
  }

  /** Notes for how long a secondary may keep the zone without hearing from us: as we are its primary, SOA EXPIRE. */
  noteExpire(seconds: number): void {
    this.#expire = seconds
  }

  /** Writes the OPT at `from`; returns where it ends, `limit` at the latest. */
  put(octets: Uint8Array, from: number, limit: number, rcode: number): number {
    this.#opt.dnssecOk = this.#query.edns.dnssecOk
    this.#opt.rcode = rcode
    const begin = writeOpt(octets, from, this.#opt)
    const end =
      this.#sends === 0 ? this.#putError(octets, begin, limit) : this.#putAsked(octets, begin, limit)
    closeOpt(octets, from, end)
    return end
  }

  #reserveAsked(room: number, asks: number): number {
    this.#zoneLabels = NONE
    this.#expire = NONE
    let reserved = OPT_LENGTH
    if (this.#cookies === undefined) asks &= ~ASKS.COOKIE
    if ((asks & ASKS.COOKIE) !== 0) reserved += COOKIE_ROOM
    if (this.#timeout === 0) asks &= ~ASKS.TCP_KEEPALIVE
    if ((asks & ASKS.TCP_KEEPALIVE) !== 0) reserved += KEEPALIVE_ROOM
    const nsid = OPTION_HEAD + this.#nsid.length
    if (this.#nsid.length === 0 || reserved + nsid > room) asks &= ~ASKS.NSID
    if ((asks & ASKS.NSID) !== 0) reserved += nsid
    this.#sends = asks
    return reserved
  }

  #putAsked(octets: Uint8Array, at: number, limit: number): number {
    at = this.#putReserved(octets, at)
    at = this.#putExpire(octets, at, limit)
    at = this.#putError(octets, at, limit)
    at = this.#putZoneVersion(octets, at, limit)
    return this.#putPadding(octets, at, limit)
  }

  #putReserved(octets: Uint8Array, at: number): number {
    if (this.#cookies !== undefined && (this.#sends & ASKS.COOKIE) !== 0)
      at = putOption(octets, at, EDNS_OPTION.COOKIE, this.#cookies.reply)
    if ((this.#sends & ASKS.TCP_KEEPALIVE) !== 0) {
      at = writeOptionHead(octets, at, EDNS_OPTION.TCP_KEEPALIVE, TIMEOUT_LENGTH)
      putUint16(octets, at, this.#timeout)
      at += TIMEOUT_LENGTH
    }
    return (this.#sends & ASKS.NSID) === 0 ? at : putOption(octets, at, EDNS_OPTION.NSID, this.#nsid)
  }

  #putExpire(octets: Uint8Array, at: number, limit: number): number {
    if ((this.#sends & ASKS.EXPIRE) === 0 || this.#expire === NONE) return at
    if (at + OPTION_HEAD + EXPIRE_LENGTH > limit) return at
    at = writeOptionHead(octets, at, EDNS_OPTION.EXPIRE, EXPIRE_LENGTH)
    putUint32(octets, at, this.#expire)
    return at + EXPIRE_LENGTH
  }

  #putError(octets: Uint8Array, at: number, limit: number): number {
    if (this.extendedError === EDE.NONE || at + OPTION_HEAD + ERROR_LENGTH > limit) return at
    at = writeOptionHead(octets, at, EDNS_OPTION.EDE, ERROR_LENGTH)
    putUint16(octets, at, this.extendedError)
    return at + ERROR_LENGTH
  }

  #putZoneVersion(octets: Uint8Array, at: number, limit: number): number {
    if ((this.#sends & ASKS.ZONEVERSION) === 0 || this.#zoneLabels === NONE) return at
    if (at + OPTION_HEAD + ZONE_VERSION_LENGTH > limit) return at
    at = writeOptionHead(octets, at, EDNS_OPTION.ZONEVERSION, ZONE_VERSION_LENGTH)
    octets[at] = this.#zoneLabels
    octets[at + 1] = SOA_SERIAL
    putUint32(octets, at + 2, this.#serial)
    return at + ZONE_VERSION_LENGTH
  }

  /**
   * RFC 8467 4.1: who pads its query gets a padded reply. It hides something only where the transport is encrypted. We
   * can't see that a proxy in front of us ends TLS, but it would ask over TCP, where nobody is flooded with padding.
   */
  #putPadding(octets: Uint8Array, at: number, limit: number): number {
    if ((this.#sends & ASKS.PADDING) === 0 || at + OPTION_HEAD > limit) return at
    const blocks = Math.ceil((at + OPTION_HEAD + this.#behind) / PADDING_BLOCK)
    const end = Math.min(blocks * PADDING_BLOCK - this.#behind, limit)
    at = writeOptionHead(octets, at, EDNS_OPTION.PADDING, end - at - OPTION_HEAD)
    octets.fill(0, at, end) // RFC 7830 3; and what an earlier reply left there is nobody's business
    return end
  }
}

/** RFC 7828 3.3: over UDP the keepalive option is ignored. */
const ASKS_OVER_TCP = ASKS.TCP_KEEPALIVE | ASKS.ODD_KEEPALIVE | ASKS.PADDING

function putOption(octets: Uint8Array, at: number, code: number, data: Uint8Array): number {
  at = writeOptionHead(octets, at, code, data.length)
  copyOctets(data, 0, octets, at, data.length)
  return at + data.length
}
