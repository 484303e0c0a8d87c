/** The messages of one transfer: as many as its records take (RFC 5936 2.2, RFC 1995 4). */
import { RCODE } from '../wire/codes.ts'
import { COUNT } from '../wire/message.ts'
import type { ZoneRecord } from '../zone/zone-record.ts'
import type { Conversation } from './conversation.ts'
import type { Reply } from './reply.ts'
import type { Signature } from './signature.ts'

/** Octets of a message: as far as compression pointers reach (RFC 1035 4.1.4), and little work at a time. */
const MESSAGE_LENGTH = 16_384
/** A client that takes no longer than this over a zone; the version it reads from is held meanwhile. */
const LONGEST_S = 1800

/** Has the last message been made? */
export type TransferEnd = 'done' | 'broken off'

export class Transfer implements Conversation {
  isDone = false
  readonly #reply: Reply
  readonly #signature: Signature
  readonly #onClose: (end: TransferEnd) => void
  readonly #began: number
  readonly #records: Iterator<ZoneRecord, undefined>
  #record: ZoneRecord | undefined
  #hasBegun = false
  #isClosed = false

  /** `records` are taken one by one, and may throw; `seconds` is the time now. */
  constructor(parts: {
    readonly reply: Reply
    readonly signature: Signature
    readonly records: Iterator<ZoneRecord, undefined>
    readonly seconds: number
    readonly onClose: (end: TransferEnd) => void
  }) {
    const { reply, signature, records, seconds, onClose } = parts
    this.#reply = reply
    this.#signature = signature
    this.#onClose = onClose
    this.#began = seconds
    this.#records = records
    this.#record = this.#records.next().value
  }

  whenReady(start: () => void): void {
    start()
  }

  next(reply: Uint8Array, seconds: number): number {
    if (this.isDone || this.#isClosed || seconds - this.#began > LONGEST_S) return 0
    try {
      return this.#write(reply, seconds)
    } catch {
      return 0 // the version could not be held, or the journal not be kept, for so long
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose(this.isDone ? 'done' : 'broken off')
  }

  #write(octets: Uint8Array, seconds: number): number {
    const isBegun = this.#fill(octets.subarray(0, MESSAGE_LENGTH)) || this.#fillWithOne(octets)
    if (!isBegun) return 0
    this.isDone = this.#record === undefined
    const length = this.#reply.finish(RCODE.NOERROR)
    const sign = this.#hasBegun ? this.#signature.signNext : this.#signature.sign
    this.#hasBegun = true
    return sign.call(this.#signature, octets, length, seconds)
  }

  /** Begins a message and puts in all records that fit; false if not even one does. */
  #fill(octets: Uint8Array): boolean {
    this.#begin(octets)
    const first = this.#record
    while (this.#record !== undefined && this.#put(this.#record)) this.#record = this.#records.next().value
    return this.#record !== first
  }

  /** A record that is longer than a message of ours has one of its own; false if it fits no message at all. */
  #fillWithOne(octets: Uint8Array): boolean {
    this.#begin(octets)
    if (this.#record === undefined || !this.#put(this.#record)) return false
    this.#record = this.#records.next().value
    return true
  }

  #begin(octets: Uint8Array): void {
    this.#reply.begin(octets, 'tcp', this.#signature.room)
    this.#reply.authoritative = true // RFC 5936 2.2.1
  }

  #put(record: ZoneRecord): boolean {
    return this.#reply.putRecord(COUNT.ANSWER, record, record.rdata)
  }
}
