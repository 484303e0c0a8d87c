import type { BrokenRow, Dormancy, DormantTunnel } from '../../tunnel/tunnel.ts'
import type { Awakening } from '../tunnel-transaction.ts'
import type { Database, Statement } from './database.ts'
import { DORMANT_COLUMNS, readDormant } from './dormant-table.ts'
import type { Columns, RowRules } from './row-rules.ts'
import { detailsOf } from './tunnel-writes.ts'

/** What a return leaves as it is; both tables have it alike, and these beside: */
const KEPT =
  'id, IPv6client, IPv6server, device, nicname, country, creation_time, key_hash, kind, routed_prefix'
const CHANGEABLE = 'os, mtu, details, IPv4client'

/** Moves of rows between the tables of tunnels and of dormant ones; to be called inside a transaction. */
export class DormantWrites {
  readonly #rules: RowRules
  readonly #keep: Statement
  readonly #restore: Statement
  readonly #drop: Statement
  readonly #suspend: Statement
  readonly #replaceKey: Statement
  readonly #changeMtu: Statement

  constructor(database: Database, rules: RowRules) {
    this.#rules = rules
    this.#keep = database.prepare(
      `INSERT INTO dormant (${KEPT}, ${CHANGEABLE}, unreachable, since, until, suspended)
       SELECT ${KEPT}, ${CHANGEABLE}, unreachable, ?, ?, ? FROM tunnels WHERE id = ?`,
    )
    this.#restore = database.prepare(
      `INSERT INTO tunnels (${KEPT}, ${CHANGEABLE}, unreachable, wait_until, state_since)
       SELECT ${KEPT}, coalesce(?, os), coalesce(?, mtu), coalesce(?, details), ?, 0, ?, ? FROM dormant WHERE id = ?`,
    )
    this.#drop = database.prepare(`DELETE FROM dormant WHERE id = ? RETURNING ${DORMANT_COLUMNS}`)
    this.#drop.setReturnArrays(true)
    this.#suspend = database.prepare(
      'UPDATE dormant SET since = iif(suspended, since, ?), suspended = 1 WHERE id = ?',
    )
    this.#replaceKey = database.prepare('UPDATE dormant SET key_hash = ? WHERE id = ?')
    this.#changeMtu = database.prepare('UPDATE dormant SET mtu = ? WHERE id = ?')
  }

  /** Copies a tunnel's row, in place of one that another program has left there; it is to be removed then. */
  keep(id: string, { since, until, isSuspended }: Dormancy): void {
    this.#drop.get(id)
    this.#keep.run(since, until, isSuspended ? 1 : 0, id)
  }

  /** False: there is no such row. */
  suspend(id: string, since: number): boolean {
    return this.#suspend.run(since, id).changes === 1
  }

  /** False: there is no such row. */
  replaceKey(id: string, keyHash: Uint8Array): boolean {
    return this.#replaceKey.run(keyHash, id).changes === 1
  }

  /** False: there is no such row. */
  changeMtu(id: string, mtu: number | undefined): boolean {
    return this.#changeMtu.run(mtu ?? null, id).changes === 1
  }

  /** Brings a row back with a count of 0. Throws for a constraint if its endpoint, public key, name or address is taken. */
  restore(id: string, row: Omit<Awakening, 'key'>): void {
    const details = row.fields === undefined ? null : detailsOf(row.fields)
    const changes = [row.os ?? null, row.mtu ?? null, details, row.ipv4 ?? null]
    this.#restore.run(...changes, row.waitUntil ?? null, row.since, id)
    this.drop(id)
  }

  /** The row as it was, sound or broken; undefined: there was none. */
  drop(id: string): DormantTunnel | BrokenRow | undefined {
    const columns = this.#drop.get(id)
    return columns === undefined ? undefined : readDormant(columns as unknown as Columns, this.#rules)
  }
}
