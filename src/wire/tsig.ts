/** The TSIG record (RFC 8945 4.2): how a message carries it, and what of it is signed with the message (4.3). */
import { CLASS, TYPE } from './codes.ts'
import { COUNT, countOf, HEADER_LENGTH, putCount, RECORD_FIXED, skipQuestionName } from './message.ts'
import { MAX_NAME_LENGTH } from './name.ts'
import { OctetWriter } from './octet-writer.ts'
import { copyOctets, lowerCase, octet, putUint16, putUint32, uint16, uint32 } from './octets.ts'

/** What a TSIG in a reply says of the one in the query (RFC 8945 3); the numbers go on where rcodes end. */
export const TSIG_ERROR = { NONE: 0, BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const

/** Time signed, fudge and MAC size stand before the MAC; original id, error and other length behind it. */
const BEFORE_MAC = 10
const AFTER_MAC = 6
const TIME_AND_FUDGE = 8
/** Other data of a BADTIME reply: the server's time (RFC 8945 5.2.3). */
const SERVER_TIME_LENGTH = 6

/** A TSIG where it lies in its message. One instance is filled again for each message. */
export class Tsig {
  present = false
  /** Offset of the record: the message that was signed ends here. */
  at = 0
  /** Offset behind the record. */
  end = 0
  /** The key's name in canonical form, uncompressed and in lower case. */
  readonly keyName = new Uint8Array(MAX_NAME_LENGTH)
  keyNameLength = 0
  /** The algorithm's name in canonical form. */
  readonly algorithm = new Uint8Array(MAX_NAME_LENGTH)
  algorithmLength = 0
  /** UTC seconds, 48 bits. */
  timeSigned = 0
  /** Seconds that the clocks may differ. */
  fudge = 0
  macAt = 0
  macLength = 0
  /** The id that the message was signed with: a forwarder may have given it another one. */
  originalId = 0

  clear(): void {
    this.present = false
  }

  /**
   * Reads the record at `at`, its type field at `fixed`; its owner is a well-formed name and its rdata lie within the
   * message. False: malformed.
   */
  read(message: Uint8Array, at: number, fixed: number): boolean {
    const rdata = fixed + RECORD_FIXED
    const end = rdata + uint16(message, fixed + 8)
    // RFC 8945 4.2: the class "MUST be ANY", the TTL "MUST be 0".
    if (uint16(message, fixed + 2) !== CLASS.ANY || uint32(message, fixed + 4) !== 0) return false
    // RFC 8945 4.2: the algorithm's name is not compressed, so it is read as a question's is.
    const time = skipQuestionName(message, end, rdata)
    if (time === 0 || time + BEFORE_MAC > end) return false
    const macLength = uint16(message, time + TIME_AND_FUDGE)
    const behindMac = time + BEFORE_MAC + macLength
    if (behindMac + AFTER_MAC > end) return false
    if (behindMac + AFTER_MAC + uint16(message, behindMac + 4) !== end) return false
    this.present = true
    this.at = at
    this.end = end
    this.keyNameLength = copyCanonicalName(message, at, this.keyName)
    this.algorithmLength = copyCanonicalName(message, rdata, this.algorithm)
    this.timeSigned = uint16(message, time) * 2 ** 32 + uint32(message, time + 2)
    this.fudge = uint16(message, time + 6)
    this.macAt = time + BEFORE_MAC
    this.macLength = macLength
    this.originalId = uint16(message, behindMac)
    return true
  }
}

/** Copies a name that has been found well formed, uncompressed and in lower case; returns its length. */
function copyCanonicalName(message: Uint8Array, at: number, name: Uint8Array): number {
  for (let length = 0; ; ) {
    while (octet(message, at) >= 0xc0) at = uint16(message, at) & 0x3fff
    const label = octet(message, at) + 1
    for (let i = 0; i < label; i++) name[length + i] = lowerCase(octet(message, at + i))
    length += label
    at += label
    if (label === 1) return length
  }
}

/** What the record in a reply says of the one in the query, or NONE (RFC 8945 3). */
export function tsigErrorOf(message: Uint8Array, { macAt, macLength }: Tsig): number {
  return uint16(message, macAt + macLength + 2)
}

/** The clock of whoever wrote the record, in UTC seconds; undefined: it does not say (RFC 8945 5.2.3). */
export function serverTimeOf(message: Uint8Array, { macAt, macLength }: Tsig): number | undefined {
  const behindMac = macAt + macLength
  if (uint16(message, behindMac + 4) !== SERVER_TIME_LENGTH) return undefined
  return uint16(message, behindMac + AFTER_MAC) * 2 ** 32 + uint32(message, behindMac + AFTER_MAC + 2)
}

/** The header as it was signed (RFC 8945 4.3.2): with the original id, and without the TSIG in its count. */
export function signedHeader(message: Uint8Array, tsig: Tsig): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH)
  copyOctets(message, 0, header, 0, HEADER_LENGTH) // a Buffer's slice would be a view of the message
  putUint16(header, 0, tsig.originalId)
  putCount(header, COUNT.ADDITIONAL, countOf(message, COUNT.ADDITIONAL) - 1)
  return header
}

/** The variables of the record that are signed behind the message (RFC 8945 4.3.3). */
export function signedVariables(message: Uint8Array, tsig: Tsig): Uint8Array {
  const variables = new OctetWriter(2 * MAX_NAME_LENGTH + RECORD_FIXED + tsig.end - tsig.macAt)
  variables.putPart(tsig.keyName, 0, tsig.keyNameLength)
  variables.u16(CLASS.ANY)
  variables.u32(0) // TTL
  variables.putPart(tsig.algorithm, 0, tsig.algorithmLength)
  const timeAt = tsig.macAt - BEFORE_MAC
  variables.putPart(message, timeAt, timeAt + TIME_AND_FUDGE)
  // Error, other length and other data lie side by side behind the original id.
  variables.putPart(message, tsig.macAt + tsig.macLength + 2, tsig.end)
  return variables.copy()
}

/** The variables that are signed behind the later messages of a reply of several (RFC 8945 5.3.1). */
export function signedTimers(message: Uint8Array, tsig: Tsig): Uint8Array {
  const timeAt = tsig.macAt - BEFORE_MAC
  return message.subarray(timeAt, timeAt + TIME_AND_FUDGE)
}

/** Values of a reply's TSIG; its key and algorithm are the query's. */
export interface TsigFields {
  readonly timeSigned: number
  readonly fudge: number
  /** 0: the reply is not signed. */
  readonly macLength: number
  readonly error: number
  /** Our time; goes with BADTIME only. */
  readonly serverTime: number
}

/** Octets of a reply's TSIG. */
export function tsigLength(asked: Tsig, macLength: number, error: number): number {
  return asked.keyNameLength + RECORD_FIXED + rdataLength(asked, macLength, error)
}

function rdataLength(asked: Tsig, macLength: number, error: number): number {
  const other = error === TSIG_ERROR.BADTIME ? SERVER_TIME_LENGTH : 0
  return asked.algorithmLength + BEFORE_MAC + macLength + AFTER_MAC + other
}

/** Appends a TSIG with room for its MAC to a reply that ends at `at`, and counts it; returns the new end. */
export function writeTsig(reply: Uint8Array, at: number, asked: Tsig, fields: TsigFields): number {
  const { timeSigned, fudge, macLength, error, serverTime } = fields
  copyOctets(asked.keyName, 0, reply, at, asked.keyNameLength)
  const fixed = at + asked.keyNameLength
  putUint16(reply, fixed, TYPE.TSIG)
  putUint16(reply, fixed + 2, CLASS.ANY)
  putUint32(reply, fixed + 4, 0)
  putUint16(reply, fixed + 8, rdataLength(asked, macLength, error))
  copyOctets(asked.algorithm, 0, reply, fixed + RECORD_FIXED, asked.algorithmLength)
  const time = fixed + RECORD_FIXED + asked.algorithmLength
  putTime(reply, time, timeSigned)
  putUint16(reply, time + 6, fudge)
  putUint16(reply, time + TIME_AND_FUDGE, macLength)
  const behindMac = time + BEFORE_MAC + macLength
  putUint16(reply, behindMac, uint16(reply, 0)) // the original id
  putUint16(reply, behindMac + 2, error)
  putUint16(reply, behindMac + 4, error === TSIG_ERROR.BADTIME ? SERVER_TIME_LENGTH : 0)
  if (error === TSIG_ERROR.BADTIME) putTime(reply, behindMac + AFTER_MAC, serverTime)
  putCount(reply, COUNT.ADDITIONAL, countOf(reply, COUNT.ADDITIONAL) + 1)
  return at + tsigLength(asked, macLength, error)
}

function putTime(reply: Uint8Array, at: number, seconds: number): void {
  putUint16(reply, at, Math.floor(seconds / 2 ** 32))
  putUint32(reply, at + 2, seconds % 2 ** 32)
}
