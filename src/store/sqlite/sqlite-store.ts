import type { Prefix } from '../../address/prefix.ts'
import { BatchQueue } from '../../shared/batch-queue.ts'
import type { Log } from '../../shared/log.ts'
import { AddressPool, type Assignment } from '../../tunnel/address-pool.ts'
import { RoutedPool } from '../../tunnel/routed-pool.ts'
import type { Tunnel } from '../../tunnel/tunnel.ts'
import { TYPE } from '../../wire/codes.ts'
import type { Catalog, RrsetChange } from '../../zone/catalog.ts'
import type { PreparedCommit } from '../../zone/prepared-commit.ts'
import type { Rrset } from '../../zone/rrset.ts'
import { soaSerial } from '../../zone/serial.ts'
import { storageFaultOf } from '../storage-fault.ts'
import { type StorageTrouble, StorageTroubles, troubleCodeOf } from '../storage-troubles.ts'
import type {
  CommittedDifference,
  CommittedStep,
  SerialStep,
  TunnelStore,
  Work,
  Written,
} from '../tunnel-store.ts'
import { BrokenRows } from './broken-rows.ts'
import { Database } from './database.ts'
import { asFault } from './database-fault.ts'
import { DormantWrites } from './dormant-writes.ts'
import { callSafely, Feed } from './feed.ts'
import { type IndexAllocation, linkAllocation, routedAllocation } from './index-allocation.ts'
import { InvitationTable } from './invitation-table.ts'
import { Journal, type JournalLimits } from './journal.ts'
import { LockPatience } from './lock-patience.ts'
import { NoticeWrites } from './notice-writes.ts'
import { RestingIndexes } from './resting-indexes.ts'
import { RoutedWrites } from './routed-writes.ts'
import type { RowRules } from './row-rules.ts'
import { SecretTable } from './secret-table.ts'
import { SeenClock } from './seen-clock.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { TableStart } from './table-start.ts'
import { TableWatch } from './table-watch.ts'
import { TunnelTable } from './tunnel-table.ts'
import { TunnelWrites } from './tunnel-writes.ts'
import { UnofferedWrites } from './unoffered-writes.ts'
import { unroutedPrefixes } from './unrouted-prefixes.ts'
import { WalWatch } from './wal-watch.ts'
import { ZoneDigests } from './zone-digests.ts'
import { ZoneSerials } from './zone-serials.ts'
import { withSerial, ZoneSoas } from './zone-soas.ts'

/** Milliseconds a change waits for others to share its commit, if the last commit was shared. */
const PATIENCE_MS = 10

const CORRUPT_REMEDY =
  '. Nothing is written any more: stop freenet6, copy the file away, and put a backup in its place'

export interface StoreOptions {
  readonly file: string
  readonly catalog: Catalog
  /** The zones that tunnels live in, in wire form and lower case. */
  readonly apexes: readonly Uint8Array[]
  /** The zone that lists the others; undefined: there is none. */
  readonly listApex?: Uint8Array | undefined
  readonly rules: RowRules
  /** That of the tunnels' records, in seconds: an index rests longer than caches hold its old name. */
  readonly ttl: number
  readonly journal: JournalLimits
  /** Seconds of the steady clock. */
  readonly now: () => number
  readonly log: Log
}

/**
 * The store as a SQLite file. Changes that come together share a transaction, its wait for the disk, and the serial of
 * the zones. The commit and its answers in DNS are one tick:
 *
 *     works ─▶ names made ready ─▶ COMMIT ─▶ names published ─▶ memory, listeners
 *       └────────────┴───────────────┴─ a fault: ROLLBACK, all is taken back, latest first
 */
export class SqliteStore implements TunnelStore {
  readonly tunnels: TunnelTable
  readonly invitations: InvitationTable
  readonly isAbsent = false
  readonly journal: Journal
  readonly #database: Database
  readonly #catalog: Catalog
  readonly #writes: TunnelWrites
  readonly #dormant: DormantWrites
  readonly #unoffered: UnofferedWrites
  readonly #noticeWrites: NoticeWrites
  readonly #clock: SeenClock
  readonly #links: IndexAllocation<Assignment>
  readonly #routed: IndexAllocation<Prefix> | undefined
  readonly #routedWrites: RoutedWrites
  readonly #start: TableStart
  readonly #secrets: SecretTable
  readonly #soas: ZoneSoas
  readonly #watch: TableWatch
  readonly #committed: Feed<CommittedDifference>
  readonly #notices: Feed<undefined>
  readonly #foreign: Feed<undefined>
  readonly #log: Log
  readonly #now: () => number
  readonly #rules: RowRules
  readonly #wal: WalWatch
  readonly #troubles: StorageTroubles
  readonly #lock = new LockPatience()
  /** What was found wrong with the file, in a sentence. */
  #corruption: string | undefined
  /** Whether another program may have deleted rows whose indexes the pools still hold. */
  #mayHaveLost = false
  readonly #queue = new BatchQueue((works: readonly Work<unknown>[]) => this.#commitPatiently(works), {
    patienceMs: PATIENCE_MS,
  })

  /** Opens or creates the file and brings its schema up to date. Throws DatabaseFault. */
  static open(options: StoreOptions): SqliteStore {
    const database = Database.open(options.file)
    try {
      return new SqliteStore(database, options)
    } catch (error) {
      database.close()
      throw isOfSqlite(error) ? asFault(error, options.file) : error
    }
  }

  private constructor(database: Database, options: StoreOptions) {
    const { catalog, log, rules, ttl } = options
    this.#database = database
    this.#catalog = catalog
    this.#log = log
    this.#now = options.now
    this.#rules = rules
    this.tunnels = new TunnelTable(database, { rules, broken: new BrokenRows(log) })
    this.invitations = new InvitationTable(database)
    this.#writes = new TunnelWrites(database, rules)
    this.#dormant = new DormantWrites(database, rules)
    this.#unoffered = new UnofferedWrites(database, rules)
    this.#noticeWrites = new NoticeWrites(database, options.now)
    this.#clock = new SeenClock(database)
    this.#links = linkAllocation(
      new AddressPool(rules),
      new RestingIndexes(database, { table: 'resting_indexes', ttl }),
    )
    this.#routed =
      rules.routed &&
      routedAllocation(
        new RoutedPool(rules.routed),
        new RestingIndexes(database, { table: 'resting_routed_prefixes', ttl }),
      )
    this.#routedWrites = new RoutedWrites(database)
    this.#secrets = new SecretTable(database)
    this.journal = new Journal(database, options.journal)
    this.#soas = new ZoneSoas(catalog, {
      serials: new ZoneSerials(database),
      journal: this.journal,
      clocked: [...options.apexes, ...(options.listApex === undefined ? [] : [options.listApex])],
    })
    this.#start = new TableStart({
      catalog,
      apexes: options.apexes,
      tunnels: this.tunnels,
      journal: this.journal,
      links: this.#links,
      routed: this.#routed,
      soas: this.#soas,
      clock: this.#clock,
      now: options.now,
      write: work => this.#write(work),
      noteFault: error => this.noteFault(error),
    })
    this.#committed = new Feed(log)
    this.#notices = new Feed(log)
    this.#foreign = new Feed(log)
    this.#wal = new WalWatch(database, log)
    this.#troubles = new StorageTroubles(log)
    if (database.stopped !== undefined)
      this.#troubles.begin('start', { code: 'storage-fault', reason: database.stopped })
    this.#watch = new TableWatch({
      database,
      wal: this.#wal,
      troubles: this.#troubles,
      onForeignCommit: () => {
        this.#mayHaveLost = true
        this.#foreign.tell(undefined)
      },
      tryWriting: () => this.#tryWriting(),
    })
  }

  get troubles(): readonly StorageTrouble[] {
    return this.#troubles.all
  }

  get lostTable(): string | undefined {
    return this.#database.missingFile() ?? this.#corruption
  }

  get walBytes(): number {
    return this.#wal.bytes()
  }

  get capacity(): number {
    return this.#links.capacity
  }

  async commit<Outcome>(work: Work<Outcome>): Promise<Outcome> {
    return (await this.#queue.add(work)) as Outcome
  }

  onCommitted(listener: (difference: CommittedDifference) => void): () => void {
    return this.#committed.add(listener)
  }

  onNotices(listener: () => void): () => void {
    return this.#notices.add(listener)
  }

  onForeignCommit(listener: () => void): () => void {
    return this.#foreign.add(listener)
  }

  publishAll(rrsetsOf: (tunnel: Tunnel) => readonly Rrset[]): void {
    this.#start.publish(rrsetsOf)
    this.#tellUnrouted()
    this.#database.serve()
  }

  replaceZone(apex: Uint8Array, rrsets: readonly Rrset[]): void {
    const soa = rrsets.find(rrset => rrset.type === TYPE.SOA && rrset.owner.length === apex.length)
    if (soa === undefined) throw new RangeError('a zone without a SOA')
    const served = this.#catalog.rrset(apex, TYPE.SOA)?.rdatas[0]
    const from = served === undefined ? 0 : soaSerial(served)
    const digest = this.journal.isKept ? ZoneDigests.ofZone(rrsets) : undefined
    const serial = this.#write(() => this.#soas.begin({ apex, soa, digest }, this.#now()))
    this.#catalog.putZone(
      apex,
      rrsets.map(rrset => (rrset === soa ? withSerial(soa, serial) : rrset)),
    )
    const step = { from, to: serial }
    const difference = this.journal.since(apex, step)?.next().value
    this.#committed.tell({ rows: [], rrsets: [], serials: [{ apex, ...step, difference }] })
  }

  noteFault(error: unknown): void {
    const fault = storageFaultOf(error)
    const code = fault && troubleCodeOf(fault)
    if (code === undefined) return
    if (fault === 'stopped') {
      // A corrupt database is a trouble already; a missing file is one until the watch sees it again.
      const missing = this.#database.missingFile()
      if (missing !== undefined) this.#troubles.begin('file', { code, reason: missing })
      return
    }
    const words = error instanceof Error ? error.message : String(error)
    const reason = `${this.#database.file}: ${words}${fault === 'corrupt' ? CORRUPT_REMEDY : ''}`
    if (fault === 'corrupt') {
      this.#corruption ??= reason
      this.#database.stopWrites(reason)
    }
    this.#troubles.begin(fault === 'busy' ? 'lock' : 'write', { code, reason })
  }

  secret(name: string): string | undefined {
    return this.#secrets.get(name)
  }

  keepSecret(name: string, value: string): void {
    this.#secrets.keep(name, value)
  }

  backUp(file: string): Promise<void> {
    return this.#database.backUp(file)
  }

  close(): void {
    this.#watch.stop()
    this.#database.close()
  }

  /** Another configuration takes them from their owners without a word of its own. */
  #tellUnrouted(): void {
    const unrouted = unroutedPrefixes(this.#database, this.#rules.routed)
    if (unrouted.length === 0) return
    this.#log.warn(
      { prefixes: unrouted.length, such_as: unrouted[0] },
      'prefixes of tunnels are not routed: tunnel.routed_prefix or tunnel.routed_length has become another; their rows keep them, and they are routed again with the former values',
    )
  }

  /** Writes the time, with whatever comes in beside it; false: it can't, and the fault is noted. Never rejects. */
  #tryWriting(): Promise<boolean> {
    const written = this.commit(() => ({ outcome: true, changes: [] }))
    return written.catch(() => false)
  }

  /** Runs `work` in a transaction of its own. Throws if it failed: nothing is done. */
  #write<T>(work: () => T): T {
    try {
      const result = this.#database.transaction(work)
      this.#soas.committed()
      return result
    } catch (error) {
      this.#soas.undone()
      this.journal.undone()
      throw error
    }
  }

  async #commitPatiently(works: readonly Work<unknown>[]): Promise<readonly unknown[]> {
    try {
      return await this.#lock.run(() => this.#commitNow(works))
    } catch (error) {
      this.noteFault(error)
      throw error
    }
  }

  /** Does all the works in one transaction before this returns. Throws if it failed: nothing is done. */
  #commitNow(works: readonly Work<unknown>[]): readonly unknown[] {
    const transaction = new SqliteTransaction({
      tunnels: this.tunnels,
      invitations: this.invitations,
      writes: this.#writes,
      dormant: this.#dormant,
      unoffered: this.#unoffered,
      notices: this.#noticeWrites,
      proofs: this.tunnels.proofs,
      links: this.#links,
      routed: this.#routed,
      routedWrites: this.#routedWrites,
    })
    const written: Written<unknown>[] = []
    let names: ReadyNames | undefined
    try {
      this.#write(() => {
        this.#clock.note(this.#now())
        for (const work of works) written.push(work(transaction))
        names = this.#makeReady(written.flatMap(({ changes }) => changes))
      })
    } catch (error) {
      names?.prepared.abandon()
      for (const { undone } of written.reverse()) if (undone !== undefined) callSafely(undone, this.#log)
      transaction.undone()
      throw error
    }
    names?.prepared.publish()
    this.#clock.committed()
    transaction.committed()
    this.#troubles.end('lock')
    if (transaction.rows.length > 0 || names !== undefined) this.#troubles.end('write')
    for (const { committed } of written) if (committed !== undefined) callSafely(committed, this.#log)
    this.#tell(transaction, names)
    if (transaction.hasNotices) this.#notices.tell(undefined)
    if (transaction.wasFull && this.#mayHaveLost) callSafely(() => this.#restLost(), this.#log)
    return written.map(({ outcome }) => outcome)
  }

  /** All rows are read for it in one go, once for each time that another program has written. */
  #restLost(): void {
    const now = this.#now()
    const { tunnels } = this
    const rows = function* () {
      yield* tunnels.all()
      yield* tunnels.dormant.all()
    }
    const addresses = this.#links.restLost(rows(), now)
    const prefixes = this.#routed?.restLost(rows(), now) ?? 0
    this.#mayHaveLost = false // a fault on the way leaves it to the next time
    if (addresses + prefixes > 0)
      this.#log.info(
        { addresses, prefixes },
        'addresses of rows that another program has deleted will be free soon',
      )
  }

  #makeReady(changes: readonly RrsetChange[]): ReadyNames | undefined {
    if (changes.length === 0) return undefined
    let serials: readonly SerialStep[] = []
    const prepared = this.#catalog.prepare(changes, {
      differences: this.#committed.isHeard || this.journal.isKept,
      following: apexes => {
        const soas = this.#soas.advance(apexes, changes)
        serials = soas.steps
        return soas.changes
      },
    })
    try {
      return { serials: this.#soas.write(serials, prepared.zones, this.#now()), prepared }
    } catch (error) {
      prepared.abandon()
      throw error
    }
  }

  #tell({ rows }: SqliteTransaction, names: ReadyNames | undefined): void {
    if (!this.#committed.isHeard || (rows.length === 0 && names === undefined)) return
    this.#committed.tell({ rows, serials: names?.serials ?? [], rrsets: names?.prepared.differences ?? [] })
  }
}

/** A table or a column that is not there: the statements are all prepared when the store is made. */
function isOfSqlite(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error
}

/** Names of a commit that is not yet written, and the serials that they come with. */
interface ReadyNames {
  readonly serials: readonly CommittedStep[]
  readonly prepared: PreparedCommit
}
