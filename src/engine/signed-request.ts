import { timingSafeEqual } from 'node:crypto'
import { serverTimeOf, TSIG_ERROR, Tsig, tsigErrorOf, tsigLength, writeTsig } from '../wire/tsig.ts'
import { isSameName } from '../wire/wire-name.ts'
import { Query } from './query.ts'
import { FUDGE_SECONDS, macOf } from './signature.ts'
import type { Signer } from './signer.ts'

/** What the TSIG of a reply says; if it is not good anybody may have written it. */
export interface ReplySignature {
  readonly isGood: boolean
  /** What is wrong with the request's TSIG (RFC 8945 3), or NONE. */
  readonly error: number
  /** The clock of whoever answers, in UTC seconds; with BADTIME only. */
  readonly serverTime: number | undefined
}

/** Of a reply without a TSIG. */
const UNSIGNED: ReplySignature = { isGood: false, error: TSIG_ERROR.NONE, serverTime: undefined }

/** A request of our own with a TSIG (RFC 8945 5.1), and what its reply must be signed with (5.3). */
export class SignedRequest {
  readonly octets: Uint8Array
  readonly #signer: Signer
  readonly #mac: Uint8Array

  /** Signs a whole message, at this time in UTC seconds. */
  constructor(message: Uint8Array, signer: Signer, seconds: number) {
    const own = new Tsig()
    own.keyName.set(signer.name)
    own.keyNameLength = signer.name.length
    own.algorithm.set(signer.algorithm)
    own.algorithmLength = signer.algorithm.length
    const { macLength } = signer
    this.octets = new Uint8Array(message.length + tsigLength(own, macLength, TSIG_ERROR.NONE))
    this.octets.set(message)
    const fields = {
      timeSigned: seconds,
      fudge: FUDGE_SECONDS,
      macLength,
      error: TSIG_ERROR.NONE,
      serverTime: 0,
    }
    writeTsig(this.octets, message.length, own, fields)
    own.read(this.octets, message.length, message.length + own.keyNameLength)
    this.#mac = macOf(signer, this.octets, own, new Uint8Array())
    this.octets.set(this.#mac, own.macAt)
    this.#signer = signer
  }

  /** Looks at the TSIG of a reply to this request that comes about now. */
  judge(reply: Uint8Array, seconds: number): ReplySignature {
    const read = new Query()
    read.read(reply, reply.length)
    const { tsig } = read
    if (read.malformed || !tsig.present) return UNSIGNED
    return {
      isGood: this.#hasSigned(tsig, reply, seconds),
      error: tsigErrorOf(reply, tsig),
      serverTime: serverTimeOf(reply, tsig),
    }
  }

  /** Is it signed with the same key, for this request? */
  #hasSigned(tsig: Tsig, reply: Uint8Array, seconds: number): boolean {
    if (tsig.macLength !== this.#signer.macLength) return false
    if (!isSameName(tsig.keyName, 0, this.#signer.name, 0)) return false
    if (!isSameName(tsig.algorithm, 0, this.#signer.algorithm, 0)) return false
    if (Math.abs(seconds - tsig.timeSigned) > tsig.fudge) return false
    const before = Buffer.concat([Uint8Array.of(this.#mac.length >> 8, this.#mac.length), this.#mac])
    const mac = macOf(this.#signer, reply, tsig, before)
    return timingSafeEqual(mac, reply.subarray(tsig.macAt, tsig.macAt + tsig.macLength))
  }
}
