import { formatIpv6 } from '../../address/ipv6.ts'
import { formatPrefix } from '../../address/prefix.ts'
import type { BrokenRow, KindFields, Tunnel } from '../../tunnel/tunnel.ts'
import type { Beginning } from '../tunnel-transaction.ts'
import type { Database, Statement } from './database.ts'
import { COLUMNS, type Columns, isBroken, type RowRules, readRow, SELECTED } from './row-rules.ts'

/** The writing half of the table of tunnels: one SQL statement a method, to be called inside a transaction. */
export class TunnelWrites {
  readonly #rules: RowRules
  readonly #insert: Statement
  readonly #activate: Statement
  readonly #answered: Statement
  readonly #silent: Statement
  readonly #moveEndpoint: Statement
  readonly #giveEndpoint: Statement
  readonly #changeDetails: Statement
  readonly #changeMtu: Statement
  readonly #clearEndpoint: Statement
  readonly #replaceKey: Statement
  readonly #remove: Statement
  readonly #note: Statement
  readonly #dropNote: Statement

  constructor(database: Database, rules: RowRules) {
    this.#rules = rules
    this.#insert = database.prepare(
      `INSERT INTO tunnels (${COLUMNS}, key_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#activate = database.prepare(
      'UPDATE tunnels SET unreachable = 0, wait_until = ?, state_since = ? WHERE id = ? AND unreachable = -1',
    )
    this.#answered = database.prepare(
      `UPDATE tunnels SET unreachable = 0, wait_until = NULL, state_since = ?
       WHERE id = ? AND (unreachable > 0 OR wait_until IS NOT NULL AND unreachable = 0) RETURNING ${SELECTED}`,
    )
    this.#silent = database.prepare(
      `UPDATE tunnels SET unreachable = unreachable + 1,
         state_since = CASE unreachable WHEN 0 THEN ? ELSE state_since END
       WHERE id = ? AND unreachable >= 0 AND wait_until IS NULL RETURNING ${SELECTED}`,
    )
    const beginsAnew = `unreachable = min(unreachable, 0),
         state_since = CASE WHEN unreachable > 0 THEN ? ELSE state_since END,
         wait_until = CASE WHEN wait_until IS NULL THEN NULL ELSE ifnull(?, wait_until) END`
    this.#moveEndpoint = database.prepare(
      `UPDATE tunnels SET IPv4client = ?, ${beginsAnew} WHERE id = ? RETURNING ${SELECTED}`,
    )
    this.#giveEndpoint = database.prepare(
      `UPDATE tunnels SET IPv4client = ? WHERE id = ? RETURNING ${SELECTED}`,
    )
    this.#changeDetails = database.prepare(
      `UPDATE tunnels SET details = ?, ${beginsAnew} WHERE id = ? RETURNING ${SELECTED}`,
    )
    this.#changeMtu = database.prepare(`UPDATE tunnels SET mtu = ? WHERE id = ? RETURNING ${SELECTED}`)
    this.#clearEndpoint = database.prepare('UPDATE tunnels SET IPv4client = NULL WHERE id = ?')
    this.#replaceKey = database.prepare('UPDATE tunnels SET key_hash = ? WHERE id = ?')
    this.#remove = database.prepare(`DELETE FROM tunnels WHERE id = ? RETURNING ${SELECTED}`)
    this.#note = database.prepare(
      'INSERT INTO notes (id, note) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET note = excluded.note',
    )
    this.#dropNote = database.prepare('DELETE FROM notes WHERE id = ?')
    const returning = [
      this.#answered,
      this.#silent,
      this.#moveEndpoint,
      this.#giveEndpoint,
      this.#changeDetails,
      this.#changeMtu,
      this.#remove,
    ]
    for (const rows of returning) rows.setReturnArrays(true)
  }

  insert(tunnel: Tunnel, keyHash: Uint8Array): void {
    this.#insert.run(
      tunnel.id,
      tunnel.ipv4Client ?? null,
      formatIpv6(tunnel.ipv6Client),
      formatIpv6(tunnel.ipv6Server),
      tunnel.device,
      tunnel.nicname,
      tunnel.country,
      tunnel.os,
      tunnel.creationTime,
      tunnel.unreachable,
      tunnel.kind.name,
      detailsOf(tunnel.kind),
      tunnel.waitUntil ?? null,
      tunnel.stateSince ?? null,
      tunnel.routedPrefix === undefined ? null : formatPrefix(tunnel.routedPrefix),
      tunnel.mtu ?? null,
      keyHash,
    )
  }

  /** −1 → 0, waiting until then; false: it is gone or was up already. */
  activate(id: string, since: number, waitUntil: number | undefined): boolean {
    return this.#activate.run(waitUntil ?? null, since, id).changes === 1
  }

  /** x → 0, and heard: the row as it is now; undefined: nothing was counted. */
  countAnswered(id: string, since: number): Tunnel | undefined {
    return this.#sound(this.#answered.get(since, id))
  }

  /** x → x + 1: the row as it is now; undefined: it is gone, has no interface, or waits for its first answer. */
  countSilent(id: string, since: number): Tunnel | undefined {
    return this.#sound(this.#silent.get(since, id))
  }

  moveEndpoint(id: string, ipv4: string, { since, waitUntil }: Beginning): Tunnel | undefined {
    return this.#sound(this.#moveEndpoint.get(ipv4, since, waitUntil ?? null, id))
  }

  /** The row is as silent as it was before. */
  giveEndpoint(id: string, ipv4: string): Tunnel | undefined {
    return this.#sound(this.#giveEndpoint.get(ipv4, id))
  }

  /** For as long as the transaction runs: a tunnel of a kind with an endpoint must have one in the end. */
  clearEndpoint(id: string): void {
    this.#clearEndpoint.run(id)
  }

  /** False: there is no such row. */
  replaceKey(id: string, keyHash: Uint8Array): boolean {
    return this.#replaceKey.run(keyHash, id).changes === 1
  }

  changeFields(id: string, fields: KindFields, { since, waitUntil }: Beginning): Tunnel | undefined {
    return this.#sound(this.#changeDetails.get(detailsOf(fields), since, waitUntil ?? null, id))
  }

  changeMtu(id: string, mtu: number | undefined): Tunnel | undefined {
    return this.#sound(this.#changeMtu.get(mtu ?? null, id))
  }

  /** An empty note is none. */
  setNote(id: string, note: string): void {
    if (note === '') this.#dropNote.run(id)
    else this.#note.run(id, note)
  }

  /** The row as it was, sound or broken; undefined: there was none. */
  remove(id: string): Tunnel | BrokenRow | undefined {
    const columns = this.#remove.get(id)
    return columns === undefined ? undefined : readRow(columns as unknown as Columns, this.#rules)
  }

  #sound(columns: unknown): Tunnel | undefined {
    if (columns === undefined) return undefined
    const row = readRow(columns as Columns, this.#rules)
    return isBroken(row) ? undefined : row
  }
}

/** The column that keeps them. */
export function detailsOf({ name: _, ...details }: KindFields): string | null {
  return Object.keys(details).length === 0 ? null : JSON.stringify(details)
}
