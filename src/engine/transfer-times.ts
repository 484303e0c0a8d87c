/** Tells a signed query for a transfer that is sent again from one that is new (RFC 8945 5.2.3). */
import type { Signer } from './signer.ts'

/** A query for a transfer, as its TSIG tells it from all others. */
export interface SignedQuery {
  /** In wire form and lower case. */
  readonly keyName: Uint8Array
  readonly timeSigned: number
  readonly mac: Uint8Array
}

/** Queries of one key in one second that are told apart: 64 KB. A client with more signs the next a second later. */
export const MAX_A_SECOND = 1000
/**
 * Seconds for which the MACs of a key are remembered behind its latest. A secondary follows several zones at a time, each
 * over a connection of its own, where a query that was signed a second later may come first.
 */
export const REMEMBERED_SECONDS = 5

/** The latest second that a key has signed a transfer in, and the MACs of those it has signed then and shortly before. */
interface Signed {
  latest: number
  readonly bySecond: Map<number, Set<string>>
}

/**
 * What is remembered of each key: "the most recent Time Signed value". Whoever has seen the query of a secondary could
 * else send it again from another address while its time is good, and be given the zone. An AXFR of an earlier second is
 * refused, as the RFC has it, and an IXFR of one that is not remembered; within a second that is, several transfers are
 * nothing odd, so there it is the MAC that says whether a query has come before. A restart forgets; so the fudge of a
 * transfer is no longer than ours.
 */
export class TransferTimes {
  /** By the name of the key: a reload makes other signers of the same keys. */
  readonly #byKey = new Map<string, Signed>()

  /** Has this query, or one that is later by more than `slack` seconds, come before? */
  isPast(
    signer: Signer,
    { timeSigned, mac }: { readonly timeSigned: number; readonly mac: Uint8Array },
    slack: number,
  ): boolean {
    const signed = this.#byKey.get(keyOf(signer.name))
    if (signed === undefined || timeSigned > signed.latest) return false
    if (timeSigned < signed.latest - slack) return true
    const macs = signed.bySecond.get(timeSigned)
    return macs !== undefined && (macs.size >= MAX_A_SECOND || macs.has(keyOf(mac)))
  }

  /** Notes a query that is not past, whether or not it gets its transfer. */
  note(signer: Signer, timeSigned: number, mac: Uint8Array): void {
    const key = keyOf(signer.name)
    const signed = this.#byKey.get(key) ?? { latest: timeSigned, bySecond: new Map() }
    this.#byKey.set(key, signed)
    signed.latest = Math.max(signed.latest, timeSigned)
    const macs = signed.bySecond.get(timeSigned) ?? new Set<string>()
    signed.bySecond.set(timeSigned, macs.add(keyOf(mac)))
    for (const second of signed.bySecond.keys())
      if (second < signed.latest - REMEMBERED_SECONDS) signed.bySecond.delete(second)
  }
}

function keyOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1')
}
