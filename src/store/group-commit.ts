import { BatchQueue } from '../shared/batch-queue.ts'
import type { RrsetChange } from '../zone/catalog.ts'
import type { Database } from './sqlite/database.ts'

/** What a piece of work has written in the transaction that it shares with others. */
export interface Written<Outcome> {
  readonly outcome: Outcome
  /** What changes in DNS. */
  readonly changes: readonly RrsetChange[]
  /** What follows in memory, in the tick of the commit. */
  readonly committed?: () => void
  /** Takes back what the work did in memory, where the transaction was rolled back. */
  readonly undone?: () => void
}

/** Statements of one change. It must catch what concerns it alone: what it throws undoes the others' work too. */
export type Work<Outcome> = () => Written<Outcome>

/** What follows a commit in DNS. */
export interface Names {
  /** The SOA records with their next serials, inside the transaction. */
  advanceSerials(): readonly RrsetChange[]
  /** Shows committed changes to every reader in one step. */
  publish(changes: readonly RrsetChange[]): void
}

/** In a crowd, so long is waited for others to share a commit with. */
const PATIENCE_MS = 10

/**
 * Commits of rows, each with its answers in DNS in the same tick. Changes that come together share a transaction, its
 * wait for the disk, and the serial of the zones.
 */
export class GroupCommit {
  readonly #database: Database
  readonly #zone: Names
  readonly #queue = new BatchQueue((works: readonly Work<unknown>[]) => this.commitNow(works), {
    patienceMs: PATIENCE_MS,
  })

  constructor({ database, zone }: { readonly database: Database; readonly zone: Names }) {
    this.#database = database
    this.#zone = zone
  }

  /** Does the work in the next transaction: durable and answered in DNS when this resolves. Rejects where it failed. */
  async commit<Outcome>(work: Work<Outcome>): Promise<Outcome> {
    return (await this.#queue.add(work)) as Outcome
  }

  /** Does all the works in a transaction of their own, before this returns. Throws where it failed: nothing is done. */
  commitNow<Outcome>(works: readonly Work<Outcome>[]): readonly Outcome[] {
    const written: Written<Outcome>[] = []
    let changes: readonly RrsetChange[]
    try {
      changes = this.#database.transaction(() => {
        for (const work of works) written.push(work())
        const changed = written.flatMap(({ changes }) => changes)
        return changed.length === 0 ? [] : [...changed, ...this.#zone.advanceSerials()]
      })
    } catch (error) {
      for (const { undone } of written.reverse()) undone?.()
      throw error
    }
    for (const { committed } of written) committed?.()
    this.#zone.publish(changes)
    return written.map(({ outcome }) => outcome)
  }
}
