import type { Log } from '../../shared/log.ts'
import type { Tunnel } from '../../tunnel/tunnel.ts'
import { TYPE } from '../../wire/codes.ts'
import type { Catalog } from '../../zone/catalog.ts'
import type { Rrset } from '../../zone/rrset.ts'
import { soaSerial } from '../../zone/serial.ts'
import { storageFaultOf } from '../storage-fault.ts'
import { type StorageTrouble, StorageTroubles } from '../storage-troubles.ts'
import type { CommitOptions, CommittedDifference, TunnelStore } from '../tunnel-store.ts'
import type { Work } from '../tunnel-transaction.ts'
import { DamagedCopy } from './backup.ts'
import { Database } from './database.ts'
import { asFault } from './database-fault.ts'
import { Feed } from './feed.ts'
import { FileMended } from './file-mended.ts'
import { GroupCommits } from './group-commits.ts'
import type { InvitationTable } from './invitation-table.ts'
import { Journal, type JournalLimits } from './journal.ts'
import { RestLength } from './rest-length.ts'
import type { RowRules } from './row-rules.ts'
import { SecretTable } from './secret-table.ts'
import { SeenClock } from './seen-clock.ts'
import { StoreFaults } from './store-faults.ts'
import { StoreTables } from './store-tables.ts'
import { TableStart } from './table-start.ts'
import { TableWatch } from './table-watch.ts'
import type { TunnelTable } from './tunnel-table.ts'
import { unroutedPrefixes } from './unrouted-prefixes.ts'
import { WalWatch } from './wal-watch.ts'
import { ZoneDigests } from './zone-digests.ts'
import { ZoneSerials } from './zone-serials.ts'
import { withSerial, ZoneSoas } from './zone-soas.ts'

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

/** The store as a SQLite file: reads go to its tables, changes to its group commits. */
export class SqliteStore implements TunnelStore {
  readonly isAbsent = false
  readonly isMended: TunnelStore['isMended']
  readonly journal: Journal
  readonly #database: Database
  readonly #catalog: Catalog
  readonly #tables: StoreTables
  readonly #commits: GroupCommits
  readonly #start: TableStart
  readonly #secrets: SecretTable
  readonly #rests: RestLength
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
  readonly #faults: StoreFaults

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
    const { catalog, log, rules, ttl, now } = options
    this.#database = database
    this.#catalog = catalog
    this.#log = log
    this.#now = now
    this.#rules = rules
    this.#rests = new RestLength(ttl)
    this.#tables = new StoreTables(database, { rules, rests: this.#rests, now, log })
    this.#secrets = new SecretTable(database)
    this.journal = new Journal(database, options.journal)
    this.#soas = new ZoneSoas(catalog, {
      serials: new ZoneSerials(database),
      journal: this.journal,
      clocked: [...options.apexes, ...(options.listApex === undefined ? [] : [options.listApex])],
    })
    this.#committed = new Feed(log)
    this.#notices = new Feed(log)
    this.#foreign = new Feed(log)
    this.#wal = new WalWatch(database, log)
    this.#troubles = new StorageTroubles(log)
    this.#faults = new StoreFaults(database, this.#troubles)
    if (database.stopped !== undefined) {
      this.#troubles.begin('start', { code: 'storage-fault', reason: database.stopped })
      const mended = new FileMended(options.file)
      this.isMended = signal => mended.isWhole(signal)
    }
    const clock = new SeenClock(database)
    this.#commits = new GroupCommits({
      database,
      catalog,
      tables: this.#tables,
      journal: this.journal,
      soas: this.#soas,
      clock,
      troubles: this.#troubles,
      faults: this.#faults,
      committed: this.#committed,
      notices: this.#notices,
      now,
      log,
    })
    this.#start = new TableStart({
      catalog,
      apexes: options.apexes,
      tables: this.#tables,
      journal: this.journal,
      soas: this.#soas,
      clock,
      now,
      write: work => this.#commits.write(work),
      noteFault: error => this.noteFault(error),
    })
    this.#watch = new TableWatch({
      database,
      wal: this.#wal,
      troubles: this.#troubles,
      onForeignCommit: () => {
        this.#commits.noteForeignCommit()
        this.#foreign.tell(undefined)
      },
      tryWriting: () => this.#tryWriting(),
    })
  }

  get tunnels(): TunnelTable {
    return this.#tables.tunnels
  }

  get invitations(): InvitationTable {
    return this.#tables.invitations
  }

  get troubles(): readonly StorageTrouble[] {
    return this.#troubles.all
  }

  get lostTable(): string | undefined {
    return this.#faults.lostTable
  }

  get walBytes(): number {
    return this.#wal.bytes()
  }

  get capacity(): number {
    return this.#tables.links.capacity
  }

  commit<Outcome>(work: Work<Outcome>, options?: CommitOptions): Promise<Outcome> {
    return this.#commits.add(work, options)
  }

  settle(): Promise<void> {
    return this.#commits.settle()
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
    this.#noteTtl()
    this.#tellUnrouted()
    this.#database.serve()
  }

  /** A disk that takes no note is no reason to serve nothing. */
  #noteTtl(): void {
    try {
      this.#rests.begin(this.#secrets, this.#now())
    } catch (error) {
      if (storageFaultOf(error) === undefined) throw error
      this.#log.warn({ err: error }, 'the TTL of the records could not be noted for the next start')
    }
  }

  replaceZone(apex: Uint8Array, rrsets: readonly Rrset[]): void {
    const soa = rrsets.find(rrset => rrset.type === TYPE.SOA && rrset.owner.length === apex.length)
    if (soa === undefined) throw new RangeError('a zone without a SOA')
    const served = this.#catalog.rrset(apex, TYPE.SOA)?.rdatas[0]
    const from = served === undefined ? 0 : soaSerial(served)
    const digest = ZoneDigests.ofZone(rrsets)
    const serial = this.#commits.write(() => this.#soas.begin({ apex, soa, digest }, this.#now()))
    this.#catalog.putZone(
      apex,
      rrsets.map(rrset => (rrset === soa ? withSerial(soa, serial) : rrset)),
    )
    const step = { from, to: serial }
    const difference = this.journal.since(apex, step)?.next().value
    this.#committed.tell({ rows: [], rrsets: [], serials: [{ apex, ...step, difference }] })
  }

  noteFault(error: unknown): void {
    this.#faults.note(error)
  }

  secret(name: string): string | undefined {
    return this.#secrets.get(name)
  }

  keepSecret(name: string, value: string): void {
    this.#secrets.keep(name, value)
  }

  async backUp(file: string): Promise<void> {
    try {
      await this.#database.backUp(file)
    } catch (error) {
      if (error instanceof DamagedCopy) this.#faults.suspect(error.message)
      throw error
    }
  }

  close(): void {
    this.#watch.stop()
    this.#faults.close()
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

  /**
   * Writes the time, with whatever comes in beside it, and has the disk say that it has it, which a transaction does not
   * ask that finds the time written already. False: it can't, and the fault is noted. Never rejects.
   */
  async #tryWriting(): Promise<boolean> {
    try {
      await this.commit(() => ({ outcome: undefined, changes: [] }))
      await this.#database.syncLog()
      return true
    } catch (error) {
      this.noteFault(error)
      return false
    }
  }
}

/** A table or a column that is not there: the statements are all prepared when the store is made. */
function isOfSqlite(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error
}
