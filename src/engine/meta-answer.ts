/** What is answered to a query for a type that no zone holds (RFC 6895 3.1): transfers above all. */
import { RCODE, TYPE } from '../wire/codes.ts'
import { EDE } from '../wire/edns.ts'
import { HEADER_LENGTH } from '../wire/message.ts'
import type { Lookup } from '../zone/lookup.ts'
import type { Answer } from './answer.ts'
import type { Client } from './client.ts'
import type { Counts } from './counts.ts'
import { type DatagramOutcome, DatagramTransfer } from './datagram-transfer.ts'
import { heldSerial } from './held-serial.ts'
import type { Query } from './query.ts'
import { type RefusedTransfer, refusedOf } from './refused-transfer.ts'
import type { Reply } from './reply.ts'
import type { Signature } from './signature.ts'
import { isAmong, type TransferPeer } from './transfer-peer.ts'
import type { SignedQuery } from './transfer-times.ts'
import type { SentTransfer } from './transfers.ts'

/** TKEY; from here to ANY all are about messages, not about data. */
const FIRST_META_TYPE = 249

interface MetaAnswerParts {
  readonly query: Query
  readonly reply: Reply
  readonly lookup: Lookup
  readonly answer: Answer
  readonly signature: Signature
  readonly counts: Counts
}

export interface MetaAnswerOptions {
  /** Who is told over UDP what has changed in a zone. */
  readonly allowTransfer: readonly TransferPeer[]
  /** Memory of the RecentSteps that they are told from; without it they are told our SOA, and come by TCP. */
  readonly recentSteps: SharedArrayBuffer | undefined
  readonly onSent: (sent: SentTransfer) => void
  readonly onSigned: (signed: SignedQuery) => void
  /** Called when somebody who may not asks over UDP. */
  readonly onRefused: (refused: RefusedTransfer) => void
}

export class MetaAnswer {
  readonly #query: Query
  readonly #reply: Reply
  readonly #lookup: Lookup
  readonly #answer: Answer
  readonly #signature: Signature
  readonly #counts: Counts
  readonly #options: MetaAnswerOptions
  readonly #datagramTransfer: DatagramTransfer
  /** What the reply says of changes to who asks for them over UDP; undefined: it is about something else. */
  told: DatagramOutcome | undefined

  constructor(parts: MetaAnswerParts, options: MetaAnswerOptions) {
    this.#query = parts.query
    this.#reply = parts.reply
    this.#lookup = parts.lookup
    this.#answer = parts.answer
    this.#signature = parts.signature
    this.#counts = parts.counts
    this.#options = options
    this.#datagramTransfer = new DatagramTransfer(parts, options.recentSteps)
  }

  /** Returns the rcode. The query is of class IN. */
  solve(type: number, client: Client): number {
    switch (type) {
      case TYPE.AXFR:
        // RFC 5936 4.2: a transfer over UDP is not defined.
        return client.transport === 'udp' ? RCODE.FORMERR : this.#refuseTransfer()
      case TYPE.IXFR:
        return this.#incremental(client)
      case TYPE.MAILA:
      case TYPE.MAILB:
        return RCODE.NOTIMP // RFC 1035 3.2.3: obsolete
      case TYPE.NXNAME:
        this.#reply.extendedError = EDE.INVALID_QUERY_TYPE // RFC 9824 3.4
        return RCODE.FORMERR
      default:
        return RCODE.FORMERR // OPT, TKEY and TSIG are never asked for
    }
  }

  /** Counts what a client has been told, and tells who wants to know of it. */
  noteTold({ kind, apex, serial }: DatagramOutcome, { octets, length }: Client): void {
    if (kind === 'soa alone') return
    if (kind === 'incremental') this.#counts.incrementalTransfers++
    else this.#counts.currentTransfers++
    this.#options.onSent({
      kind,
      apex,
      serial,
      address: octets.slice(0, length),
      keyName: this.#signature.keyName,
    })
  }

  /** One that is refused now, for load perhaps, must not be given to whoever sends it again. */
  #refuseTransfer(): number {
    this.#signature.noteTransfer()
    return this.#transfer()
  }

  /** An IXFR that no conversation was begun for: over UDP, or refused. */
  #incremental(client: Client): number {
    if (!this.#isOurApex()) return this.#refuseTransfer()
    if (!isAmong(this.#options.allowTransfer, client, this.#signature.keyName)) return this.#refuse(client)
    const held = heldSerial(this.#query)
    if (held === undefined) return RCODE.FORMERR
    if (client.transport === 'tcp') return this.#refuseTransfer()
    this.told = this.#datagramTransfer.put(held)
    const signed = this.#signature.signedQuery
    if (signed !== undefined) this.#options.onSigned(signed)
    if (this.told?.kind === 'incremental') return RCODE.NOERROR
    // RFC 1995 2: if the differences do not fit, our SOA alone; the client comes again over TCP if that is newer.
    this.#query.type = TYPE.SOA
    return this.#answer.solve()
  }

  /** Over TCP it has been told of by then: see Transfers. */
  #refuse(client: Client): number {
    if (client.transport === 'udp')
      this.#options.onRefused(refusedOf({ query: this.#query, signature: this.#signature }, client))
    return this.#refuseTransfer()
  }

  #transfer(): number {
    if (this.#isOurApex()) {
      this.#reply.extendedError = EDE.PROHIBITED
      return RCODE.REFUSED
    }
    this.#reply.extendedError = EDE.NOT_AUTHORITATIVE
    return RCODE.NOTAUTH // RFC 5936 2.2.1
  }

  #isOurApex(): boolean {
    return this.#lookup.isApex(this.#query.message, HEADER_LENGTH)
  }
}

/** Types that no zone holds and no plain answer is made for (RFC 6895 3.1). */
export function isMetaType(type: number): boolean {
  return type === TYPE.OPT || type === TYPE.NXNAME || (type >= FIRST_META_TYPE && type < TYPE.ANY)
}
