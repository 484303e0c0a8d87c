/** Tells a signed query for a transfer that is sent again from one that is new (RFC 8945 5.2.3). */
import type { Signer } from './signer.ts'

/** Queries of one key in one second that are told apart: 64 KB. A client with more signs the next a second later. */
export const MAX_A_SECOND = 1000

/** The latest second that a key has signed a transfer in, and the MACs of those it has signed then. */
interface LatestSecond {
  readonly timeSigned: number
  readonly macs: Set<string>
}

/**
 * What is remembered of each key: "the most recent Time Signed value". Whoever has seen the query of a secondary could
 * else send it again from another address while its time is good, and be given the zone. A query of an earlier second is
 * refused, as the RFC has it; within the same second two transfers are nothing odd, so there it is the MAC that says
 * whether a query has come before. A restart forgets; so the fudge of a transfer is no longer than ours.
 */
export class TransferTimes {
  readonly #bySigner = new Map<Signer, LatestSecond>()

  /** Has this query, or a later one, come before? */
  isPast(signer: Signer, timeSigned: number, mac: Uint8Array): boolean {
    const latest = this.#bySigner.get(signer)
    if (latest === undefined || timeSigned > latest.timeSigned) return false
    return timeSigned < latest.timeSigned || latest.macs.size >= MAX_A_SECOND || latest.macs.has(keyOf(mac))
  }

  /** Notes a query that is not past, whether or not it gets its transfer. */
  note(signer: Signer, timeSigned: number, mac: Uint8Array): void {
    const latest = this.#bySigner.get(signer)
    if (latest?.timeSigned === timeSigned) latest.macs.add(keyOf(mac))
    else this.#bySigner.set(signer, { timeSigned, macs: new Set([keyOf(mac)]) })
  }
}

function keyOf(mac: Uint8Array): string {
  return Buffer.from(mac).toString('latin1')
}
