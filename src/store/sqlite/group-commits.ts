import { BatchQueue } from '../../shared/batch-queue.ts'
import type { Log } from '../../shared/log.ts'
import type { Catalog, RrsetChange } from '../../zone/catalog.ts'
import type { PreparedCommit } from '../../zone/prepared-commit.ts'
import type { StorageTroubles } from '../storage-troubles.ts'
import type { CommitOptions, CommittedDifference, CommittedStep, SerialStep } from '../tunnel-store.ts'
import type { Work, Written } from '../tunnel-transaction.ts'
import type { Database } from './database.ts'
import { callSafely, type Feed } from './feed.ts'
import type { Journal } from './journal.ts'
import { LockPatience } from './lock-patience.ts'
import type { SeenClock } from './seen-clock.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import type { StoreFaults } from './store-faults.ts'
import type { StoreTables } from './store-tables.ts'
import type { ZoneSoas } from './zone-soas.ts'

/** Milliseconds a change that may wait does so for others to share its commit, if the last ones were shared. */
const PATIENCE_MS = 10

interface GroupCommitParts {
  readonly database: Database
  readonly catalog: Catalog
  readonly tables: StoreTables
  readonly journal: Journal
  readonly soas: ZoneSoas
  readonly clock: SeenClock
  readonly troubles: StorageTroubles
  readonly faults: StoreFaults
  readonly committed: Feed<CommittedDifference>
  readonly notices: Feed<undefined>
  /** Seconds of the steady clock. */
  readonly now: () => number
  readonly log: Log
}

/**
 * Changes that come together share a transaction, its wait for the disk, and the serial of the zones. The commit and its
 * answers in DNS are one tick:
 *
 *     works ─▶ names made ready ─▶ COMMIT ─▶ names published ─▶ memory, listeners
 *       └────────────┴───────────────┴─ a fault: ROLLBACK, all is taken back, latest first
 */
export class GroupCommits {
  readonly #parts: GroupCommitParts
  readonly #lock = new LockPatience()
  /** Whether another program may have deleted rows whose indexes the pools still hold. */
  #mayHaveLost = false
  readonly #queue = new BatchQueue((works: readonly Waiting[]) => this.#commitPatiently(works), {
    patienceMs: PATIENCE_MS,
  })
  /** Transactions that were committed, and the last that is known to survive a power cut. */
  #committed = 0
  #durable = 0

  constructor(parts: GroupCommitParts) {
    this.#parts = parts
  }

  async add<Outcome>(work: Work<Outcome>, options?: CommitOptions): Promise<Outcome> {
    const isFollowed = options?.isFollowed ?? false
    return (await this.#queue.add({ work, isFollowed }, options)) as Outcome
  }

  /** See TunnelStore. */
  async settle(): Promise<void> {
    const last = this.#committed
    if (this.#durable >= last) return
    try {
      await this.#parts.database.syncLog()
      this.#durable = Math.max(this.#durable, last)
    } catch (error) {
      this.#parts.faults.note(error)
    }
  }

  /** Another program has written: a pool that is full later may hold indexes whose rows are gone. */
  noteForeignCommit(): void {
    this.#mayHaveLost = true
  }

  /** Runs `work` in a transaction of its own. Throws if it failed: nothing is done. */
  write<T>(work: () => T, isDurable = true): T {
    const { database, soas, journal } = this.#parts
    try {
      const result = database.transaction(work, { isDurable })
      soas.committed()
      return result
    } catch (error) {
      soas.undone()
      journal.undone()
      throw error
    }
  }

  async #commitPatiently(works: readonly Waiting[]): Promise<readonly unknown[]> {
    try {
      return await this.#lock.run(() => this.#commitNow(works))
    } catch (error) {
      this.#parts.faults.note(error)
      throw error
    }
  }

  /** Does all the works in one transaction before this returns. Throws if it failed: nothing is done. */
  #commitNow(works: readonly Waiting[]): readonly unknown[] {
    const { tables, clock, troubles, notices, now, log } = this.#parts
    const transaction = new SqliteTransaction(tables)
    const written: Written<unknown>[] = []
    const isDurable = works.some(({ isFollowed }) => !isFollowed)
    let names: ReadyNames | undefined
    try {
      this.write(() => {
        clock.note(now())
        for (const { work } of works) written.push(work(transaction))
        names = this.#makeReady(written.flatMap(({ changes }) => changes))
      }, isDurable)
    } catch (error) {
      names?.prepared.abandon()
      for (const { undone } of written.reverse()) if (undone !== undefined) callSafely(undone, log)
      transaction.undone()
      throw error
    }
    names?.prepared.publish()
    clock.committed()
    transaction.committed()
    troubles.end('lock')
    const hasWritten = transaction.rows.length > 0 || names !== undefined
    if (hasWritten && isDurable) troubles.end('write')
    this.#committed++
    if (isDurable && hasWritten) this.#durable = this.#committed
    for (const { committed } of written) if (committed !== undefined) callSafely(committed, log)
    this.#tell(transaction, names)
    if (transaction.hasNotices) notices.tell(undefined)
    if (transaction.wasFull && this.#mayHaveLost) callSafely(() => this.#restLost(), log)
    return written.map(({ outcome }) => outcome)
  }

  /** Once for each time that another program has written. */
  #restLost(): void {
    const { tables, now } = this.#parts
    tables.restLost(now())
    this.#mayHaveLost = false // a fault on the way leaves it to the next time
  }

  #makeReady(changes: readonly RrsetChange[]): ReadyNames | undefined {
    if (changes.length === 0) return undefined
    const { catalog, journal, soas, committed, now } = this.#parts
    let serials: readonly SerialStep[] = []
    const prepared = catalog.prepare(changes, {
      differences: committed.isHeard || journal.isKept,
      following: apexes => {
        const next = soas.advance(apexes, changes)
        serials = next.steps
        return next.changes
      },
    })
    try {
      return { serials: soas.write(serials, prepared.zones, now()), prepared }
    } catch (error) {
      prepared.abandon()
      throw error
    }
  }

  #tell({ rows }: SqliteTransaction, names: ReadyNames | undefined): void {
    const { committed } = this.#parts
    if (!committed.isHeard || (rows.length === 0 && names === undefined)) return
    committed.tell({ rows, serials: names?.serials ?? [], rrsets: names?.prepared.differences ?? [] })
  }
}

interface Waiting {
  readonly work: Work<unknown>
  readonly isFollowed: boolean
}

/** Names of a commit that is not yet written, and the serials that they come with. */
interface ReadyNames {
  readonly serials: readonly CommittedStep[]
  readonly prepared: PreparedCommit
}
