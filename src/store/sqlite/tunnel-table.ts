import { NEW, type PublishedColumns, type Tunnel } from '../../tunnel/tunnel.ts'
import { matchesHash } from '../../tunnel/tunnel-key.ts'
import type { Database, Statement } from './database.ts'

const COLUMNS =
  'id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable'
/** The condition of the partial index, word for word: SQLite does not see by itself that it follows from another. */
const NOT_ALIVE = 'unreachable <> 0'
/** Compared where there is no row, so that an unknown id takes as long as a wrong key. */
const NO_HASH = new Uint8Array(32)
/** Rows read in one call at start. */
const PUBLISHED_SLICE = 10_000

/** The draft's database of tunnels: one SQL statement a method. Only the life cycle calls the writing ones. */
export class TunnelTable {
  readonly #byId: Statement
  readonly #byName: Statement
  readonly #byEndpoint: Statement
  readonly #byIpv6Client: Statement
  readonly #keyHash: Statement
  readonly #count: Statement
  readonly #countByState: Statement
  readonly #after: Statement
  readonly #slice: Statement
  readonly #published: Statement
  readonly #new: Statement
  readonly #up: Statement
  readonly #over: Statement
  readonly #insert: Statement
  readonly #activate: Statement
  readonly #answered: Statement
  readonly #silent: Statement
  readonly #moveEndpoint: Statement
  readonly #remove: Statement

  constructor(database: Database) {
    this.#byId = database.prepare(`SELECT ${COLUMNS} FROM tunnels WHERE id = ?`)
    this.#byName = database.prepare(`SELECT ${COLUMNS} FROM tunnels WHERE nicname = ? AND country = ?`)
    this.#byEndpoint = database.prepare(`SELECT ${COLUMNS} FROM tunnels WHERE IPv4client = ?`)
    this.#byIpv6Client = database.prepare(`SELECT ${COLUMNS} FROM tunnels WHERE IPv6client = ?`)
    this.#keyHash = database.prepare('SELECT key_hash FROM tunnels WHERE id = ?')
    this.#count = database.prepare('SELECT count(*) AS n FROM tunnels')
    this.#countByState = database.prepare(
      'SELECT sign(unreachable) AS state, count(*) AS n FROM tunnels GROUP BY 1',
    )
    this.#after = database.prepare(`SELECT ${COLUMNS} FROM tunnels WHERE id > ? ORDER BY id LIMIT ?`)
    this.#slice = database.prepare(
      `SELECT ${COLUMNS}, rowid FROM tunnels WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    )
    this.#published = database.prepare(
      `SELECT rowid, IPv6client, nicname, country, unreachable FROM tunnels
       WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    )
    this.#new = database.prepare(
      `SELECT ${COLUMNS} FROM tunnels WHERE ${NOT_ALIVE} AND unreachable = -1 ORDER BY creation_time, id`,
    )
    this.#up = database.prepare('SELECT id, IPv6client FROM tunnels WHERE unreachable >= 0')
    this.#over = database.prepare(`SELECT ${COLUMNS} FROM tunnels WHERE ${NOT_ALIVE} AND unreachable > ?`)
    this.#insert = database.prepare(
      `INSERT INTO tunnels (${COLUMNS}, key_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#activate = database.prepare('UPDATE tunnels SET unreachable = 0 WHERE id = ? AND unreachable = -1')
    this.#answered = database.prepare('UPDATE tunnels SET unreachable = 0 WHERE id = ? AND unreachable > 0')
    this.#silent = database.prepare(
      'UPDATE tunnels SET unreachable = unreachable + 1 WHERE id = ? AND unreachable >= 0',
    )
    this.#moveEndpoint = database.prepare('UPDATE tunnels SET IPv4client = ? WHERE id = ?')
    this.#remove = database.prepare(`DELETE FROM tunnels WHERE id = ? RETURNING ${COLUMNS}`)
    const readers = [this.#byId, this.#byName, this.#byEndpoint, this.#byIpv6Client, this.#remove]
    for (const rows of [...readers, this.#after, this.#slice, this.#published, this.#new, this.#over])
      rows.setReturnArrays(true) // a third of what objects cost
  }

  byId(id: string): Tunnel | undefined {
    return optionalTunnel(this.#byId.get(id))
  }

  byName(nicname: string, country: string): Tunnel | undefined {
    return optionalTunnel(this.#byName.get(nicname, country))
  }

  byEndpoint(ipv4: string): Tunnel | undefined {
    return optionalTunnel(this.#byEndpoint.get(ipv4))
  }

  byIpv6Client(ipv6: string): Tunnel | undefined {
    return optionalTunnel(this.#byIpv6Client.get(ipv6))
  }

  /** Whether the key opens the tunnel; takes as long for an id that does not exist. */
  keyMatches(id: string, key: string): boolean {
    const hash = this.#keyHash.get(id)?.key_hash
    return matchesHash(key, hash instanceof Uint8Array ? hash : NO_HASH)
  }

  count(): number {
    return Number(this.#count.get()?.n)
  }

  /** How many tunnels are new, active, unreachable. */
  countByState(): { readonly new: number; readonly active: number; readonly unreachable: number } {
    const counts = { new: 0, active: 0, unreachable: 0 }
    const names = ['new', 'active', 'unreachable'] as const
    for (const row of this.#countByState.iterate()) {
      const name = names[Number(row.state) + 1]
      if (name !== undefined) counts[name] = Number(row.n)
    }
    return counts
  }

  /** At most `limit` tunnels with ids after `id`, in order of id: to walk the table in slices. */
  after(id: string, limit: number): readonly Tunnel[] {
    return rowsOf(this.#after.all(id, limit)).map(tunnelOf)
  }

  /**
   * What of each tunnel shows in DNS, the oldest first: their addresses are nearly in order, and neighbours in the
   * table of names are put in one after the other. Nothing may be written while it runs.
   */
  *publishedColumns(): Generator<PublishedColumns> {
    for (let from: number | undefined = 0; from !== undefined; ) {
      const { rows, next }: TableSlice<PublishedColumns> = this.publishedSlice(from, PUBLISHED_SLICE)
      yield* rows
      from = next
    }
  }

  /** The same for at most `limit` tunnels: `next` is what the next call wants, 0 before the first. */
  publishedSlice(from: number, limit: number): TableSlice<PublishedColumns> {
    const rows = rowsOf(this.#published.all(from, limit))
    return { rows: rows.map(publishedOf), next: rowIdOf(rows.at(-1)?.at(0)) }
  }

  /**
   * At most `limit` tunnels in the order in which they are stored, to walk the whole table: `next` is what the next
   * call wants, 0 before the first; undefined at the end.
   */
  slice(from: number, limit: number): TableSlice<Tunnel> {
    const rows = rowsOf(this.#slice.all(from, limit))
    return { rows: rows.map(tunnelOf), next: rowIdOf(rows.at(-1)?.at(-1)) }
  }

  /** Tunnels whose interface is still to be made (the draft's −1), the oldest first. */
  newTunnels(): readonly Tunnel[] {
    return rowsOf(this.#new.all()).map(tunnelOf)
  }

  /** Tunnels that are to be probed: those with an interface. */
  probeTargets(): readonly Pick<Tunnel, 'id' | 'ipv6Client'>[] {
    return this.#up.all().map(row => ({ id: String(row.id), ipv6Client: String(row.IPv6client) }))
  }

  /** Tunnels that missed more than `threshold` echoes in a row. */
  overThreshold(threshold: number): readonly Tunnel[] {
    return rowsOf(this.#over.all(threshold)).map(tunnelOf)
  }

  insert(tunnel: Tunnel, keyHash: Uint8Array): void {
    this.#insert.run(
      tunnel.id,
      tunnel.ipv4Client,
      tunnel.ipv6Client,
      tunnel.ipv6Server,
      tunnel.device,
      tunnel.nicname,
      tunnel.country,
      tunnel.os,
      tunnel.creationTime,
      tunnel.unreachable,
      keyHash,
    )
  }

  /** −1 → 0; false where the tunnel is gone or was active already. */
  activate(id: string): boolean {
    return this.#activate.run(id).changes === 1
  }

  /** x → 0. */
  countAnswered(id: string): void {
    this.#answered.run(id)
  }

  /** x → x + 1, for tunnels with an interface. */
  countSilent(id: string): void {
    this.#silent.run(id)
  }

  moveEndpoint(id: string, ipv4: string): void {
    this.#moveEndpoint.run(ipv4, id)
  }

  /** The row as it was; undefined where there was none. */
  remove(id: string): Tunnel | undefined {
    return optionalTunnel(this.#remove.get(id))
  }
}

/** Values in the order of the statement's columns. */
type Row = readonly unknown[]

export interface TableSlice<T> {
  readonly rows: readonly T[]
  /** What the next call wants; undefined at the end. */
  readonly next: number | undefined
}

/** The driver's types know objects alone. */
function rowsOf(rows: unknown): readonly Row[] {
  return rows as readonly Row[]
}

function rowIdOf(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value)
}

function publishedOf([, ipv6Client, nicname, country, unreachable]: Row): PublishedColumns {
  return {
    ipv6Client: String(ipv6Client),
    nicname: String(nicname),
    country: String(country),
    unreachable: Number(unreachable),
  }
}

function optionalTunnel(row: unknown): Tunnel | undefined {
  return row === undefined ? undefined : tunnelOf(row as Row)
}

/** From a row that begins with COLUMNS. */
function tunnelOf(row: Row): Tunnel {
  const [id, ipv4Client, ipv6Client, ipv6Server, device, nicname, country, os, creationTime, unreachable] =
    row
  return {
    id: String(id),
    ipv4Client: String(ipv4Client),
    ipv6Client: String(ipv6Client),
    ipv6Server: String(ipv6Server),
    device: String(device),
    nicname: String(nicname),
    country: String(country),
    os: String(os),
    creationTime: Number(creationTime),
    unreachable: Number(unreachable ?? NEW),
  }
}
