/** Checks what a query is signed with, and signs the reply (RFC 8945 5.2, 5.3). */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { isTransferType, RCODE, TYPE } from '../wire/codes.ts'
import { HEADER_LENGTH } from '../wire/message.ts'
import {
  signedHeader,
  signedTimers,
  signedVariables,
  TSIG_ERROR,
  Tsig,
  tsigLength,
  writeTsig,
} from '../wire/tsig.ts'
import { isSameName } from '../wire/wire-name.ts'
import type { Query } from './query.ts'
import type { Signer } from './signer.ts'
import { REMEMBERED_SECONDS, type SignedQuery, type TransferTimes } from './transfer-times.ts'

/** RFC 8945 10: "The RECOMMENDED value in most situations is 300 seconds." */
export const FUDGE_SECONDS = 300
/** RFC 8945 5.2.2.1: no MAC is shorter, whatever its hash. */
const SHORTEST_MAC = 10

/**
 * One instance is filled again for each query. A query without TSIG costs it two comparisons; one with a TSIG costs at
 * most two MACs over the message. Times signed are remembered of transfers alone (RFC 8945 5.2.3 would have it of all):
 * a zone is for whoever holds the key, while what another query asks for anybody may ask, so that an old one that is sent
 * again does no harm, and datagrams that overtake each other do not either.
 */
export class Signature {
  /** What the TSIG makes of the reply: NOERROR if there is none or it is good. */
  rcode: number = RCODE.NOERROR
  /** Octets that the reply's TSIG takes; 0: it has none. */
  room = 0
  #error: number = TSIG_ERROR.NONE
  #signer: Signer | undefined
  readonly #query: Query
  readonly #signers: readonly Signer[]
  readonly #transferTimes: TransferTimes | undefined
  readonly #own = new Tsig()
  /** MAC of the message that was signed last. */
  #lastMac: Uint8Array = NOTHING

  /** `transferTimes` is shared by all who judge queries for transfers; an engine that gives none has none. */
  constructor(query: Query, signers: readonly Signer[], transferTimes?: TransferTimes) {
    this.#query = query
    this.#signers = signers
    this.#transferTimes = transferTimes
  }

  /** Name of the key that the query is signed with, in lower case; undefined if it is unsigned or the TSIG not good. */
  get keyName(): Uint8Array | undefined {
    return this.#query.tsig.present && this.rcode === RCODE.NOERROR ? this.#signer?.name : undefined
  }

  /** Seconds that the client's clock is ahead of this time; undefined: not so far that its signature is refused for it. */
  secondsAhead(seconds: number): number | undefined {
    if (this.error !== TSIG_ERROR.BADTIME || this.#isNear(seconds)) return undefined
    return this.#query.tsig.timeSigned - seconds
  }

  /** What is wrong with the TSIG (RFC 8945 3, 5.2), or NONE. */
  get error(): number {
    return this.#query.tsig.present ? this.#error : TSIG_ERROR.NONE
  }

  /** Checks the query that has just been read, at this time. */
  check(seconds: number): void {
    this.rcode = RCODE.NOERROR
    this.room = 0
    if (!this.#query.tsig.present) return
    this.#signer = this.#signers.find(signer => this.#isMeant(signer))
    this.#error = this.#verify(this.#signer, seconds)
    this.rcode = rcodeOf(this.#error)
    if (this.#error === RCODE.FORMERR) return
    // RFC 8945 5.3.2: where the key or the MAC is wrong nothing is signed; time and truncation are judged after both.
    if (this.#error === TSIG_ERROR.BADSIG) this.#signer = undefined
    this.room = tsigLength(this.#query.tsig, this.#signer?.macLength ?? 0, this.#error)
  }

  /** What tells the query that has just been checked from all others; undefined: it is not signed, or not well. */
  get signedQuery(): SignedQuery | undefined {
    const { keyName } = this
    if (keyName === undefined) return undefined
    return { keyName, timeSigned: this.#query.tsig.timeSigned, mac: this.#mac().slice() }
  }

  /** Lets the query for a transfer that has just been checked not be sent again. */
  noteTransfer(): void {
    if (this.keyName === undefined || this.#signer === undefined) return
    this.#transferTimes?.note(this.#signer, this.#query.tsig.timeSigned, this.#mac())
  }

  /** Appends the TSIG to a reply of `length` octets, for which room was left; returns the new length. */
  sign(reply: Uint8Array, length: number, seconds: number): number {
    const { message, tsig } = this.#query
    const end = this.#append(reply, length, seconds)
    if (this.#signer === undefined || end === length) return end
    // RFC 8945 4.3.1: the request's MAC goes first, with its length, which stands before it in the query.
    const asked = message.subarray(tsig.macAt - 2, tsig.macAt + tsig.macLength)
    this.#seal(macOf(this.#signer, reply, this.#own, asked), reply)
    return end
  }

  /**
   * The same for each later message of a reply of several: signed with the MAC of the one before instead of the
   * request's, and of the variables with the time and the fudge alone (RFC 8945 5.3.1).
   */
  signNext(reply: Uint8Array, length: number, seconds: number): number {
    const end = this.#append(reply, length, seconds)
    if (this.#signer === undefined || end === length) return end
    this.#seal(nextMacOf(this.#signer, reply, this.#own, this.#lastMac), reply)
    return end
  }

  /** Appends a TSIG whose MAC is still to be made; `own` says where it lies. */
  #append(reply: Uint8Array, length: number, seconds: number): number {
    if (this.room === 0) return length
    const { tsig } = this.#query
    const isLate = this.#error === TSIG_ERROR.BADTIME
    const end = writeTsig(reply, length, tsig, {
      // RFC 8945 5.2.3: a client whose clock is wrong can verify only what has its own time.
      timeSigned: isLate ? tsig.timeSigned : seconds,
      fudge: isLate ? tsig.fudge : FUDGE_SECONDS,
      macLength: this.#signer?.macLength ?? 0,
      error: this.#error,
      serverTime: seconds,
    })
    if (this.#signer !== undefined) this.#own.read(reply, length, length + tsig.keyNameLength)
    return end
  }

  #seal(mac: Uint8Array, reply: Uint8Array): void {
    reply.set(mac, this.#own.macAt)
    this.#lastMac = mac
  }

  /** There is no room for a TSIG in the reply: it goes without. */
  withdraw(): void {
    this.room = 0
  }

  /** RFC 8945 5.2: key, MAC, time, truncation, in this order. */
  #verify(signer: Signer | undefined, seconds: number): number {
    if (signer === undefined) return TSIG_ERROR.BADKEY
    const { message, tsig } = this.#query
    const { macLength } = tsig
    // RFC 8945 5.2.2.1: longer than the hash, or shorter than half of it, is malformed.
    if (macLength > signer.macLength) return RCODE.FORMERR
    if (macLength < Math.max(SHORTEST_MAC, signer.macLength / 2)) return RCODE.FORMERR
    const mac = macOf(signer, message, tsig, NOTHING).subarray(0, macLength)
    if (!timingSafeEqual(mac, this.#mac())) return TSIG_ERROR.BADSIG
    if (!this.#isInTime(signer, seconds)) return TSIG_ERROR.BADTIME
    // RFC 8945 5.2.4, 7: a key stands for its algorithm's whole MAC, as none of those cut short can be configured.
    return macLength < signer.macLength ? TSIG_ERROR.BADTRUNC : TSIG_ERROR.NONE
  }

  #isInTime(signer: Signer, seconds: number): boolean {
    const { type, tsig } = this.#query
    if (!this.#isNear(seconds)) return false
    if (!isTransferType(type)) return true
    const { timeSigned } = tsig
    const slack = type === TYPE.IXFR ? REMEMBERED_SECONDS : 0
    return this.#transferTimes?.isPast(signer, { timeSigned, mac: this.#mac() }, slack) !== true
  }

  /** Within the fudge; a transfer's is no longer than ours. */
  #isNear(seconds: number): boolean {
    const { type, tsig } = this.#query
    const fudge = isTransferType(type) ? Math.min(tsig.fudge, FUDGE_SECONDS) : tsig.fudge
    return Math.abs(seconds - tsig.timeSigned) <= fudge
  }

  /** The query's. */
  #mac(): Uint8Array {
    const { message, tsig } = this.#query
    return message.subarray(tsig.macAt, tsig.macAt + tsig.macLength)
  }

  #isMeant({ name, algorithm }: Signer): boolean {
    const { tsig } = this.#query
    return isSameName(tsig.keyName, 0, name, 0) && isSameName(tsig.algorithm, 0, algorithm, 0)
  }
}

const NOTHING = new Uint8Array(0)

function rcodeOf(error: number): number {
  return error === TSIG_ERROR.NONE || error === RCODE.FORMERR ? error : RCODE.NOTAUTH
}

/** The whole MAC of the message that `tsig` lies in, behind what was signed before it. */
export function macOf({ hash, secret }: Signer, message: Uint8Array, tsig: Tsig, before: Uint8Array): Buffer {
  return createHmac(hash, secret)
    .update(before)
    .update(signedHeader(message, tsig))
    .update(message.subarray(HEADER_LENGTH, tsig.at))
    .update(signedVariables(message, tsig))
    .digest()
}

/** RFC 8945 5.3.1: the MAC of a later message of several. */
function nextMacOf({ hash, secret }: Signer, message: Uint8Array, tsig: Tsig, last: Uint8Array): Buffer {
  return createHmac(hash, secret)
    .update(Uint8Array.of(last.length >> 8, last.length))
    .update(last)
    .update(signedHeader(message, tsig))
    .update(message.subarray(HEADER_LENGTH, tsig.at))
    .update(signedTimers(message, tsig))
    .digest()
}
