import { formatIpv6 } from '../../address/ipv6.ts'
import type { Contact } from '../../tunnel/contact.ts'
import type { BrokenRow, Tunnel } from '../../tunnel/tunnel.ts'
import { matchesHash } from '../../tunnel/tunnel-key.ts'
import type {
  CountrySlice,
  Cursor,
  IdSlice,
  ProbedTunnel,
  StateCounts,
  TableSlice,
  TunnelReader,
} from '../tunnel-reader.ts'
import type { BrokenRows } from './broken-rows.ts'
import { ContactTable } from './contact-table.ts'
import type { Database, Statement } from './database.ts'
import { DeletedTable } from './deleted-table.ts'
import { DormantTable } from './dormant-table.ts'
import { NoticeTable } from './notice-table.ts'
import { ProofTable } from './proof-table.ts'
import {
  addressIn,
  type Columns,
  isBroken,
  nextAfter,
  type RowRules,
  readRow,
  SELECTED,
  unofferedKinds,
} from './row-rules.ts'

/** The condition of the partial index, word for word: SQLite does not see by itself that it follows from another. */
const NOT_ALIVE = 'unreachable <> 0'
/** The expression of the indexes, word for word. */
const PUBLIC_KEY = "(CASE WHEN json_valid(details) THEN json_extract(details, '$.publicKey') END)"
/** Compared if there is no row, so that an unknown id takes as long as a wrong key. */
const NO_HASH = new Uint8Array(32)
/** Rows read in one call at start: few enough to be garbage before the collector comes by and has to move them. */
const START_SLICE = 500
/** Broken rows that a count looks at again: a few milliseconds' work. */
const LOOKED_AT_AGAIN = 1000

/** The draft's database of tunnels, read: one SQL statement a method. What is read is validated here, once. */
export class TunnelTable implements TunnelReader {
  readonly dormant: DormantTable
  readonly deleted: DeletedTable
  readonly notices: NoticeTable
  readonly proofs: ProofTable
  readonly #rules: RowRules
  readonly #broken: BrokenRows
  /** As a JSON array. */
  readonly #unofferedKinds: string
  readonly #byId: Statement
  readonly #byName: Statement
  readonly #byIpv6Client: Statement
  readonly #idByName: Statement
  readonly #idByEndpoint: Statement
  readonly #idByPublicKey: Statement
  readonly #keyHash: Statement
  readonly #count: Statement
  readonly #note: Statement
  readonly #contacts: ContactTable
  readonly #countByState: Statement
  readonly #countByCountry: Statement
  readonly #after: Statement
  readonly #slice: Statement
  readonly #new: Statement
  readonly #up: Statement
  readonly #over: Statement
  readonly #waiting: Statement
  readonly #countWaiting: Statement
  readonly #waitedOut: Statement

  constructor(
    database: Database,
    { rules, broken }: { readonly rules: RowRules; readonly broken: BrokenRows },
  ) {
    this.#rules = rules
    this.#broken = broken
    this.#unofferedKinds = unofferedKinds(rules)
    this.dormant = new DormantTable(database, { rules, broken })
    this.deleted = new DeletedTable(database, rules)
    this.notices = new NoticeTable(database)
    this.proofs = new ProofTable(database)
    this.#byId = database.prepare(`SELECT ${SELECTED} FROM tunnels WHERE id = ?`)
    this.#byName = database.prepare(`SELECT ${SELECTED} FROM tunnels WHERE nicname = ? AND country = ?`)
    this.#byIpv6Client = database.prepare(`SELECT ${SELECTED} FROM tunnels WHERE IPv6client = ?`)
    this.#idByName = database.prepare(
      `SELECT id FROM tunnels WHERE nicname = ?1 AND country = ?2
       UNION ALL SELECT id FROM dormant WHERE nicname = ?1 AND country = ?2`,
    )
    this.#idByEndpoint = database.prepare('SELECT id FROM tunnels WHERE IPv4client = ?')
    this.#idByPublicKey = database.prepare(
      `SELECT id FROM tunnels WHERE ${PUBLIC_KEY} = ?1 AND details IS NOT NULL
       UNION ALL SELECT id FROM dormant WHERE ${PUBLIC_KEY} = ?1 AND details IS NOT NULL`,
    )
    this.#keyHash = database.prepare(
      'SELECT key_hash FROM tunnels WHERE id = ?1 UNION ALL SELECT key_hash FROM dormant WHERE id = ?1',
    )
    this.#contacts = new ContactTable(database)
    this.#note = database.prepare('SELECT note FROM notes WHERE id = ?')
    this.#count = database.prepare('SELECT count(*) AS n FROM tunnels')
    this.#countByState = database.prepare(
      `SELECT sign(unreachable) AS state, count(*) AS n FROM tunnels WHERE ${NOT_ALIVE} GROUP BY 1`,
    )
    this.#countByCountry = database.prepare(
      `SELECT country, total(up = -1) AS new, total(up >= 0 AND wait_until IS NOT NULL) AS waiting,
              total(up = 0 AND wait_until IS NULL) AS active,
              total(up > 0 AND wait_until IS NULL) AS unreachable, count(*) AS n, max(row) AS last
       FROM (SELECT rowid AS row, country, wait_until, iif(kind IN (SELECT value FROM json_each(?)), NULL, unreachable) AS up
             FROM tunnels WHERE rowid > ? ORDER BY rowid LIMIT ?)
       GROUP BY country`,
    )
    this.#after = database.prepare(`SELECT ${SELECTED} FROM tunnels WHERE id > ? ORDER BY id LIMIT ?`)
    this.#slice = database.prepare(
      `SELECT ${SELECTED}, rowid FROM tunnels WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    )
    this.#new = database.prepare(
      `SELECT ${SELECTED} FROM tunnels WHERE ${NOT_ALIVE} AND unreachable = -1 ORDER BY creation_time, id`,
    )
    this.#up = database.prepare(
      `SELECT id, IPv6client, unreachable = 0 AND wait_until IS NULL, unreachable >= 0, rowid FROM tunnels
       WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    )
    this.#over = database.prepare(`SELECT id FROM tunnels WHERE ${NOT_ALIVE} AND unreachable > ?`)
    this.#countWaiting = database.prepare('SELECT count(*) AS n FROM tunnels WHERE wait_until IS NOT NULL')
    this.#waiting = database.prepare('SELECT id FROM tunnels WHERE wait_until IS NOT NULL')
    this.#waitedOut = database.prepare(
      'SELECT id FROM tunnels WHERE wait_until IS NOT NULL AND wait_until <= ? AND unreachable >= 0',
    )
    const readers = [this.#byId, this.#byName, this.#byIpv6Client, this.#after, this.#slice]
    for (const rows of [...readers, this.#new, this.#up]) rows.setReturnArrays(true) // a third of what objects cost
  }

  byId(id: string): Tunnel | undefined {
    return this.#optional(this.#byId.get(id))
  }

  byName(nicname: string, country: string): Tunnel | undefined {
    return this.#optional(this.#byName.get(nicname, country))
  }

  byIpv6Client(address: Uint8Array): Tunnel | undefined {
    return this.#optional(this.#byIpv6Client.get(formatIpv6(address)))
  }

  idByName(nicname: string, country: string): string | undefined {
    return idOf(this.#idByName.get(nicname, country))
  }

  idByEndpoint(ipv4: string): string | undefined {
    return idOf(this.#idByEndpoint.get(ipv4))
  }

  idByPublicKey(publicKey: string): string | undefined {
    return idOf(this.#idByPublicKey.get(publicKey))
  }

  keyMatches(id: string, key: string): boolean {
    const hash = this.#keyHash.get(id)?.key_hash
    return matchesHash(key, hash instanceof Uint8Array ? hash : NO_HASH)
  }

  contactOf(id: string): Contact | undefined {
    return this.#contacts.of(id)
  }

  noteOf(id: string): string | undefined {
    const row = this.#note.get(id)
    return row === undefined ? undefined : String(row.note)
  }

  count(): number {
    return Number(this.#count.get()?.n)
  }

  countByState(): StateCounts {
    const notAlive = new Map(this.#countByState.all().map(({ state, n }) => [Number(state), Number(n)]))
    const [fresh, unreachable] = [notAlive.get(-1) ?? 0, notAlive.get(1) ?? 0]
    const counts = { new: fresh, active: this.count() - fresh - unreachable, unreachable }
    const waiting = Number(this.#countWaiting.get()?.n)
    const suspended = this.dormant.countSuspended()
    const dormant = this.dormant.count() - suspended
    const rows = { ...counts, active: counts.active - waiting, waiting, dormant, suspended }
    const { size, unoffered } = this.#broken
    if (size + unoffered <= LOOKED_AT_AGAIN) this.brokenRows() // forgets those that are gone by now
    for (const state of this.#broken.states()) rows[state]--
    return { ...rows, unoffered: this.#broken.unoffered, broken: this.#broken.size }
  }

  countByCountry(from: Cursor | undefined, limit: number): CountrySlice {
    const counted = this.#countByCountry.all(this.#unofferedKinds, from ?? 0, limit)
    const counts = counted.map(row => ({
      country: String(row.country),
      new: Number(row.new),
      waiting: Number(row.waiting),
      active: Number(row.active),
      unreachable: Number(row.unreachable),
    }))
    const rows = counted.reduce((sum, { n }) => sum + Number(n), 0)
    const last = Math.max(...counted.map(row => Number(row.last)))
    return { counts, next: rows < limit ? undefined : (last as Cursor) }
  }

  after(id: string, limit: number): IdSlice<Tunnel> {
    const rows = rowsOf(this.#after.all(id, limit))
    return { rows: this.#sound(rows), next: nextAfter(rows, limit) }
  }

  slice(from: Cursor | undefined, limit: number): TableSlice<Tunnel> {
    const rows = rowsOf(this.#slice.all(from ?? 0, limit))
    const last = rows.at(-1)?.at(-1)
    return { rows: this.#sound(rows), next: last === undefined ? undefined : (Number(last) as Cursor) }
  }

  /**
   * Every row, the oldest first: their addresses are nearly in order, and neighbours in the table of names are put in
   * one after the other. Nothing may be written while it runs.
   */
  *all(): Generator<Tunnel | BrokenRow> {
    for (let from = 0; ; ) {
      const rows = rowsOf(this.#slice.all(from, START_SLICE))
      for (const row of rows) yield this.#read(row)
      const last = rows.at(-1)
      if (last === undefined) return
      from = Number(last.at(-1))
    }
  }

  newTunnels(): readonly Tunnel[] {
    return this.#sound(rowsOf(this.#new.all()))
  }

  /** What a walk has found broken stays out, and whatever is no address, although no walk has come by since the edit. */
  probeTargets(from: Cursor | undefined, limit: number): TableSlice<ProbedTunnel> {
    const columns = rowsOf(this.#up.all(from ?? 0, limit))
    const rows: ProbedTunnel[] = []
    for (const [id, address, answered, isUp] of columns) {
      if (isUp !== 1) continue
      const target = { id: String(id), ipv6Client: String(address), answeredLast: answered === 1 }
      if (!this.#broken.has(target.id) && addressIn(target.ipv6Client, this.#rules.prefix) !== undefined)
        rows.push(target)
    }
    return { rows, next: columns.length < limit ? undefined : (Number(columns.at(-1)?.at(-1)) as Cursor) }
  }

  idsOver(threshold: number): readonly string[] {
    return idsOf(this.#over.all(threshold))
  }

  waitingIds(): readonly string[] {
    return idsOf(this.#waiting.all())
  }

  idsWaitedOut(steady: number): readonly string[] {
    return idsOf(this.#waitedOut.all(steady))
  }

  brokenRows(): readonly BrokenRow[] {
    return this.#broken.ids.flatMap(id => this.brokenById(id) ?? [])
  }

  brokenById(id: string): BrokenRow | undefined {
    const columns = this.#byId.get(id)
    if (columns === undefined) return this.dormant.brokenById(id)
    const row = this.#read(columns as unknown as Columns)
    return isBroken(row) ? row : undefined
  }

  get brokenCount(): number {
    return this.#broken.size
  }

  get unofferedCount(): number {
    return this.#broken.unoffered
  }

  #sound(rows: readonly Columns[]): readonly Tunnel[] {
    const tunnels: Tunnel[] = []
    for (const columns of rows) {
      const row = this.#read(columns)
      if (!isBroken(row)) tunnels.push(row)
    }
    return tunnels
  }

  #optional(columns: unknown): Tunnel | undefined {
    if (columns === undefined) return undefined
    const row = this.#read(columns as Columns)
    return isBroken(row) ? undefined : row
  }

  #read(columns: Columns): Tunnel | BrokenRow {
    const row = readRow(columns, this.#rules)
    if (isBroken(row)) this.#broken.note(row)
    else this.#broken.forget(row.id)
    return row
  }
}

/** The driver's types know objects alone. */
function rowsOf(rows: unknown): readonly Columns[] {
  return rows as readonly Columns[]
}

function idOf(row: { readonly [column: string]: unknown } | undefined): string | undefined {
  return row === undefined ? undefined : String(row.id)
}

function idsOf(rows: readonly { readonly [column: string]: unknown }[]): readonly string[] {
  return rows.map(({ id }) => String(id))
}
