/** One zone transfer (RFC 5936): the zone's SOA, all its other records, the SOA again, in as many messages as it takes. */
import { RCODE, TYPE } from '../wire/codes.ts'
import { COUNT } from '../wire/message.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { Snapshot } from '../zone/snapshot.ts'
import type { Conversation } from './conversation.ts'
import type { Reply } from './reply.ts'
import type { Signature } from './signature.ts'

/** Octets of a message: as far as compression pointers reach (RFC 1035 4.1.4), and little work at a time. */
const MESSAGE_LENGTH = 16_384
/** Rrsets taken from the held version at a time. */
const PAGE = 200
/** A client that takes no longer than this over a zone; the version it reads from is held meanwhile. */
const LONGEST_S = 1800

interface ZoneRecord {
  readonly rrset: Rrset
  readonly rdata: Uint8Array
}

/** Has the last message been made? */
export type TransferEnd = 'done' | 'broken off'

export class Transfer implements Conversation {
  isDone = false
  readonly #reply: Reply
  readonly #signature: Signature
  readonly #snapshot: Snapshot
  readonly #onClose: (end: TransferEnd) => void
  readonly #began: number
  readonly #records: Iterator<ZoneRecord, undefined>
  #record: ZoneRecord | undefined
  #hasBegun = false
  #isClosed = false

  /** `soa` is that of the zone at `apex` in the snapshot, which the transfer releases; `seconds` is the time now. */
  constructor(parts: {
    readonly reply: Reply
    readonly signature: Signature
    readonly snapshot: Snapshot
    readonly soa: Rrset
    readonly seconds: number
    readonly onClose: (end: TransferEnd) => void
  }) {
    const { reply, signature, snapshot, soa, seconds, onClose } = parts
    this.#reply = reply
    this.#signature = signature
    this.#snapshot = snapshot
    this.#onClose = onClose
    this.#began = seconds
    this.#records = recordsOf(snapshot, soa)
    this.#record = this.#records.next().value
  }

  next(reply: Uint8Array, seconds: number): number {
    if (this.isDone || this.#isClosed || seconds - this.#began > LONGEST_S) return 0
    try {
      return this.#write(reply, seconds)
    } catch {
      return 0 // the version could not be held for so long
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#snapshot.release()
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

  /** Begins a message and puts in all records that fit; false where not even one does. */
  #fill(octets: Uint8Array): boolean {
    this.#begin(octets)
    const first = this.#record
    while (this.#record !== undefined && this.#put(this.#record)) this.#record = this.#records.next().value
    return this.#record !== first
  }

  /** A record that is longer than a message of ours has one of its own; false where it fits no message at all. */
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

  #put({ rrset, rdata }: ZoneRecord): boolean {
    return this.#reply.putRecord(COUNT.ANSWER, rrset, rdata)
  }
}

/** RFC 5936 2.2: the SOA comes first and last, everything else between them in any order, cut and glue included. */
function* recordsOf(snapshot: Snapshot, soa: Rrset): Generator<ZoneRecord, undefined> {
  yield* recordsIn(soa)
  let page = snapshot.walk(soa.owner, undefined, PAGE)
  while (page.length > 0) {
    for (const rrset of page) if (!isApexSoa(rrset, soa)) yield* recordsIn(rrset)
    page = snapshot.walk(soa.owner, page.at(-1)?.owner, PAGE)
  }
  yield* recordsIn(soa)
}

function* recordsIn(rrset: Rrset): Generator<ZoneRecord, undefined> {
  for (const rdata of rrset.rdatas) yield { rrset, rdata }
}

function isApexSoa({ type, owner }: Rrset, soa: Rrset): boolean {
  return type === TYPE.SOA && owner.length === soa.owner.length
}
