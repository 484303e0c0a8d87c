/** An incremental transfer in one datagram (RFC 1995 2). */
import { TYPE } from '../wire/codes.ts'
import { COUNT, HEADER_LENGTH } from '../wire/message.ts'
import { lowerCaseName } from '../wire/name.ts'
import { isSameName } from '../wire/wire-name.ts'
import { type Lookup, OUTCOME } from '../zone/lookup.ts'
import { RecentSteps } from '../zone/recent-steps.ts'
import { serialCompare } from '../zone/serial.ts'
import { stepRecords, type ZoneDifference } from '../zone/zone-difference.ts'
import { decodeRecords, type ZoneRecord } from '../zone/zone-record.ts'
import type { Query } from './query.ts'
import type { Reply } from './reply.ts'
import type { TransferKind } from './transfer-records.ts'

/** What becomes of an IXFR over UDP: the differences are in the reply, or it is to have our SOA alone. */
export interface DatagramOutcome {
  readonly kind: Exclude<TransferKind, 'full'> | 'soa alone'
  readonly apex: Uint8Array
  readonly serial: number
}

export class DatagramTransfer {
  readonly #query: Query
  readonly #reply: Reply
  readonly #lookup: Lookup
  readonly #recent: RecentSteps | undefined

  /** `recent`: memory of RecentSteps; undefined: no differences are known. */
  constructor(
    parts: { readonly query: Query; readonly reply: Reply; readonly lookup: Lookup },
    recent: SharedArrayBuffer | undefined,
  ) {
    this.#query = parts.query
    this.#reply = parts.reply
    this.#lookup = parts.lookup
    this.#recent = recent && new RecentSteps(recent)
  }

  /** Puts into the reply what a client that has the zone with serial `held` lacks; undefined: there is no such zone. */
  put(held: number): DatagramOutcome | undefined {
    const { message, questionEnd } = this.#query
    if (this.#lookup.step(message, HEADER_LENGTH, TYPE.SOA) !== OUTCOME.ANSWER) return undefined
    const { serial } = this.#lookup
    const apex = lowerCaseName(message.subarray(HEADER_LENGTH, questionEnd - 4))
    const age = serialCompare(held, serial)
    if (age === 0 || age === 1) return { kind: 'current', apex, serial }
    const steps = this.#recent?.since(apex, { from: held, to: serial })
    const isPut = steps !== undefined && this.#putSteps(apex, steps)
    return { kind: isPut ? 'incremental' : 'soa alone', apex, serial }
  }

  /** All of it or nothing: a part would be taken for the whole. */
  #putSteps(apex: Uint8Array, steps: readonly ZoneDifference[]): boolean {
    const [soa] = decodeRecords(steps.at(-1)?.added ?? NOTHING)
    if (soa?.type !== TYPE.SOA || !isSameName(lowerCaseName(soa.owner), 0, apex, 0)) return false
    this.#reply.keepCase() // RFC 5936 3.4
    if (this.#putAll(soa, steps)) {
      this.#reply.authoritative = true
      return true
    }
    this.#reply.dropRecords()
    return false
  }

  /** RFC 1995 4: the new SOA comes first and last, the differences between them. */
  #putAll(soa: ZoneRecord, steps: readonly ZoneDifference[]): boolean {
    if (!this.#putRecord(soa)) return false
    for (const record of stepRecords(steps.values())) if (!this.#putRecord(record)) return false
    return this.#putRecord(soa)
  }

  #putRecord(record: ZoneRecord): boolean {
    return this.#reply.putRecord(COUNT.ANSWER, record, record.rdata)
  }
}

const NOTHING = new Uint8Array()
