import type { Prefix } from '../../address/prefix.ts'
import type { Log } from '../../shared/log.ts'
import { AddressPool, type Assignment } from '../../tunnel/address-pool.ts'
import { RoutedPool } from '../../tunnel/routed-pool.ts'
import { BrokenRows } from './broken-rows.ts'
import type { Database } from './database.ts'
import { DormantWrites } from './dormant-writes.ts'
import { HeldEndWrites } from './held-end-writes.ts'
import { type IndexAllocation, linkAllocation, routedAllocation } from './index-allocation.ts'
import { InvitationTable } from './invitation-table.ts'
import { NoticeWrites } from './notice-writes.ts'
import type { RestLength } from './rest-length.ts'
import { RestingIndexes } from './resting-indexes.ts'
import { RoutedWrites } from './routed-writes.ts'
import type { RowRules } from './row-rules.ts'
import { TunnelTable } from './tunnel-table.ts'
import { TunnelWrites } from './tunnel-writes.ts'

/** What one database holds of tunnels: how its tables are read and written, and which indexes its rows have taken. */
export class StoreTables {
  readonly tunnels: TunnelTable
  readonly invitations: InvitationTable
  readonly writes: TunnelWrites
  readonly dormant: DormantWrites
  readonly heldEnds: HeldEndWrites
  readonly notices: NoticeWrites
  readonly links: IndexAllocation<Assignment>
  /** Undefined: there is no pool for routed prefixes. */
  readonly routed: IndexAllocation<Prefix> | undefined
  readonly routedWrites: RoutedWrites
  readonly #log: Log

  /** Prepares the statements: throws SQLite's error if a table or a column is missing. */
  constructor(
    database: Database,
    {
      rules,
      rests,
      now,
      log,
    }: {
      readonly rules: RowRules
      readonly rests: RestLength
      readonly now: () => number
      readonly log: Log
    },
  ) {
    this.#log = log
    const broken = new BrokenRows(log)
    broken.teach(database)
    this.tunnels = new TunnelTable(database, { rules, broken })
    this.invitations = new InvitationTable(database)
    this.writes = new TunnelWrites(database, rules)
    this.dormant = new DormantWrites(database, rules)
    this.heldEnds = new HeldEndWrites(database, rules)
    this.notices = new NoticeWrites(database, now)
    this.links = linkAllocation(
      new AddressPool(rules),
      new RestingIndexes(database, { table: 'resting_indexes', length: rests }),
    )
    this.routed =
      rules.routed &&
      routedAllocation(
        new RoutedPool(rules.routed),
        new RestingIndexes(database, { table: 'resting_routed_prefixes', length: rests }),
      )
    this.routedWrites = new RoutedWrites(database)
  }

  get proofs(): TunnelTable['proofs'] {
    return this.tunnels.proofs
  }

  get deleted(): TunnelTable['deleted'] {
    return this.tunnels.deleted
  }

  /** Indexes whose rows another program has deleted rest from now on. All rows are read for it in one go. */
  restLost(now: number): void {
    const { tunnels } = this
    const rows = function* () {
      yield* tunnels.all()
      yield* tunnels.dormant.all()
    }
    const addresses = this.links.restLost(rows(), now)
    const prefixes = this.routed?.restLost(rows(), now) ?? 0
    if (addresses + prefixes > 0)
      this.#log.info(
        { addresses, prefixes },
        'addresses of rows that another program has deleted will be free soon',
      )
  }
}
