import type { Database, Statement } from './database.ts'

/** What both tables have alike, but for the endpoint and the count. */
const KEPT =
  'id, IPv6client, IPv6server, device, nicname, country, os, creation_time, key_hash, kind, details'

/** Moves of rows between the tables of tunnels and of dormant ones; to be called inside a transaction. */
export class DormantWrites {
  readonly #keep: Statement
  readonly #restore: Statement
  readonly #drop: Statement

  constructor(database: Database) {
    this.#keep = database.prepare(
      `INSERT INTO dormant (${KEPT}, IPv4client, unreachable, since, until)
       SELECT ${KEPT}, IPv4client, unreachable, ?, ? FROM tunnels WHERE id = ?`,
    )
    this.#restore = database.prepare(
      `INSERT INTO tunnels (${KEPT}, IPv4client, unreachable, wait_until, state_since)
       SELECT ${KEPT}, ?, 0, ?, ? FROM dormant WHERE id = ?`,
    )
    this.#drop = database.prepare('DELETE FROM dormant WHERE id = ?')
  }

  /** Copies a tunnel's row; it is to be removed then. */
  keep(id: string, { since, until }: { readonly since: number; readonly until: number }): void {
    this.#keep.run(since, until, id)
  }

  /** Brings a row back with a count of 0. Throws for a constraint if its endpoint, name or address is taken. */
  restore(
    id: string,
    row: {
      readonly ipv4: string | undefined
      readonly waitUntil: number | undefined
      readonly since: number
    },
  ): void {
    this.#restore.run(row.ipv4 ?? null, row.waitUntil ?? null, row.since, id)
    this.#drop.run(id)
  }

  drop(id: string): void {
    this.#drop.run(id)
  }
}
