import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import type { Tunnel } from '../../tunnel/tunnel.ts'
import type { TunnelReader } from '../tunnel-reader.ts'
import type { RowDifference } from '../tunnel-store.ts'
import type { RoutedChange } from '../tunnel-transaction.ts'
import type { Database, Statement } from './database.ts'
import type { IndexAllocation } from './index-allocation.ts'

/** How many prefixes are tried when rows written by another program have what seems free. */
const MAX_ATTEMPTS = 4096

/** The column of routed prefixes, in the tables of tunnels and of dormant ones; to be called inside a transaction. */
export class RoutedWrites {
  readonly #set: Statement
  readonly #setDormant: Statement
  readonly #holder: Statement

  constructor(database: Database) {
    this.#set = database.prepare('UPDATE tunnels SET routed_prefix = ? WHERE id = ?')
    this.#setDormant = database.prepare('UPDATE dormant SET routed_prefix = ? WHERE id = ?')
    this.#holder = database.prepare(
      `SELECT id FROM tunnels WHERE routed_prefix = ?1
       UNION ALL SELECT id FROM dormant WHERE routed_prefix = ?1`,
    )
  }

  set(id: string, prefix: Prefix | undefined): void {
    const text = prefix === undefined ? null : formatPrefix(prefix)
    if (this.#set.run(text, id).changes === 0) this.#setDormant.run(text, id)
  }

  isHeld(prefix: Prefix): boolean {
    return this.#holder.get(formatPrefix(prefix)) !== undefined
  }
}

/** Gives routed prefixes to tunnels that are there already, and takes them back, in one transaction. */
export class RoutedChanges {
  readonly #tunnels: TunnelReader
  readonly #writes: RoutedWrites
  readonly #pool: IndexAllocation<Prefix> | undefined
  readonly #rows: RowDifference[]
  readonly #given: number[] = []

  /** `rows` is where the transaction collects what has become of rows. */
  constructor(parts: {
    readonly tunnels: TunnelReader
    readonly writes: RoutedWrites
    readonly pool: IndexAllocation<Prefix> | undefined
    readonly rows: RowDifference[]
  }) {
    this.#tunnels = parts.tunnels
    this.#writes = parts.writes
    this.#pool = parts.pool
    this.#rows = parts.rows
  }

  give(id: string, now: number): RoutedChange {
    const before = this.#found(id)
    if (before === undefined) return { kind: 'gone' }
    if (before.routedPrefix !== undefined) return { kind: 'unchanged', tunnel: before }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const taken = this.#pool?.take(now)
      if (taken === undefined) break
      if (this.#writes.isHeld(taken.assignment)) continue // by another program's row: it stays taken
      this.#given.push(taken.index)
      return this.#write(before, taken.assignment)
    }
    return { kind: 'routed-full' }
  }

  /** What the tunnel had is the caller's to put to rest. */
  take(id: string): RoutedChange {
    const before = this.#found(id)
    if (before === undefined) return { kind: 'gone' }
    if (before.routedPrefix !== undefined) return this.#write(before, undefined)
    this.#writes.set(id, undefined) // what another configuration does not route is in the row still
    return { kind: 'unchanged', tunnel: before }
  }

  /** After ROLLBACK. */
  undone(): void {
    for (const index of this.#given) this.#pool?.untake(index)
  }

  #found(id: string): Tunnel | undefined {
    return this.#tunnels.byId(id) ?? this.#tunnels.dormant.byId(id)
  }

  #write(before: Tunnel, routedPrefix: Prefix | undefined): RoutedChange {
    this.#writes.set(before.id, routedPrefix)
    const tunnel = { ...before, routedPrefix }
    if (before.dormant === undefined) this.#rows.push({ before, after: tunnel })
    return { kind: 'changed', before, tunnel }
  }
}
