import type { BrokenRow, DormantTunnel } from '../../tunnel/tunnel.ts'
import type { DormantReader, IdSlice } from '../tunnel-reader.ts'
import { type BrokenRows, IS_BROKEN } from './broken-rows.ts'
import type { Database, Statement } from './database.ts'
import {
  broken,
  type Columns,
  isBroken,
  isTime,
  nextAfter,
  type RowRules,
  readRow,
  unofferedKinds,
} from './row-rules.ts'
import { safeInteger } from './safe-integer.ts'

/** The columns of a dormant row as a tunnel is read from them; since, until and suspended follow. */
export const DORMANT_COLUMNS = [
  'id, IPv4client, IPv6client, IPv6server, device, nicname, country, os',
  ...['creation_time', 'unreachable'].map(safeInteger),
  'kind, details, NULL, NULL, routed_prefix',
  ...['mtu', 'since', 'until', 'suspended'].map(safeInteger),
].join(', ')
const SINCE_AT = 16
const UNTIL_AT = 17
const SUSPENDED_AT = 18
/** Rows read in one call at start: few enough to be garbage before the collector comes by. */
const SLICE = 500

/** Tunnels that were silent for too long: what they need to come back. A row that can't be used is none. */
export class DormantTable implements DormantReader {
  readonly #rules: RowRules
  readonly #broken: BrokenRows
  /** As a JSON array. */
  readonly #unofferedKinds: string
  readonly #byId: Statement
  readonly #byName: Statement
  readonly #after: Statement
  readonly #ended: Statement
  readonly #count: Statement
  readonly #suspended: Statement
  readonly #suspendedAt: Statement
  readonly #inPlaceOf: Statement
  readonly #hasDevice: Statement

  constructor(
    database: Database,
    { rules, broken }: { readonly rules: RowRules; readonly broken: BrokenRows },
  ) {
    this.#rules = rules
    this.#broken = broken
    this.#unofferedKinds = unofferedKinds(rules)
    const select = `SELECT ${DORMANT_COLUMNS} FROM dormant`
    this.#byId = database.prepare(`${select} WHERE id = ?`)
    this.#byName = database.prepare(`${select} WHERE nicname = ? AND country = ?`)
    this.#after = database.prepare(`${select} WHERE id > ? ORDER BY id LIMIT ?`)
    this.#ended = database.prepare(
      `SELECT id FROM dormant WHERE until <= ? AND suspended = 0 AND kind NOT IN (SELECT value FROM json_each(?))
       AND NOT ${IS_BROKEN}(id) ORDER BY until LIMIT ?`,
    )
    this.#count = database.prepare('SELECT count(*) AS n FROM dormant')
    this.#suspended = database.prepare('SELECT count(*) AS n FROM dormant WHERE suspended = 1')
    this.#suspendedAt = database.prepare('SELECT 1 FROM dormant WHERE suspended = 1 AND IPv4client = ?')
    this.#inPlaceOf = database.prepare(
      `SELECT 1 FROM dormant JOIN tunnels ON tunnels.id = ?
       WHERE dormant.id <> tunnels.id AND (
         dormant.device = tunnels.device OR dormant.routed_prefix = tunnels.routed_prefix
         OR dormant.IPv6client = tunnels.IPv6client OR dormant.IPv6server = tunnels.IPv6server
         OR dormant.nicname = tunnels.nicname AND dormant.country = tunnels.country) LIMIT 1`,
    )
    this.#hasDevice = database.prepare('SELECT 1 FROM dormant WHERE device = ?')
    for (const rows of [this.#byId, this.#byName, this.#after]) rows.setReturnArrays(true)
  }

  byId(id: string): DormantTunnel | undefined {
    return this.#sound(this.#byId.get(id))
  }

  byName(nicname: string, country: string): DormantTunnel | undefined {
    return this.#sound(this.#byName.get(nicname, country))
  }

  after(id: string, limit: number): IdSlice<DormantTunnel> {
    const rows = this.#after.all(id, limit) as unknown as readonly Columns[]
    return { rows: rows.flatMap(columns => this.#sound(columns) ?? []), next: nextAfter(rows, limit) }
  }

  endedBy(steady: number, limit: number): readonly string[] {
    return this.#ended.all(steady, this.#unofferedKinds, limit).map(row => String(row.id))
  }

  count(): number {
    return Number(this.#count.get()?.n)
  }

  countSuspended(): number {
    return Number(this.#suspended.get()?.n)
  }

  isSuspendedAt(ipv4: string): boolean {
    return this.#suspendedAt.get(ipv4) !== undefined
  }

  isInPlaceOf(id: string): boolean {
    return this.#inPlaceOf.get(id) !== undefined
  }

  hasDevice(device: string): boolean {
    return this.#hasDevice.get(device) !== undefined
  }

  /** Every row: what it keeps of the pools nobody else may be given. Nothing may be written while it runs. */
  *all(): Generator<DormantTunnel | BrokenRow> {
    for (let from = ''; ; ) {
      const rows = this.#after.all(from, SLICE) as unknown as readonly Columns[]
      for (const row of rows) yield this.#read(row)
      const last = rows.at(-1)
      if (last === undefined) return
      from = String(last[0])
    }
  }

  brokenById(id: string): BrokenRow | undefined {
    const columns = this.#byId.get(id)
    if (columns === undefined) {
      this.#broken.forget(id)
      return undefined
    }
    const row = this.#read(columns as unknown as Columns)
    return isBroken(row) ? row : undefined
  }

  #sound(found: unknown): DormantTunnel | undefined {
    if (found === undefined) return undefined
    const row = this.#read(found as Columns)
    return isBroken(row) ? undefined : row
  }

  #read(columns: Columns): DormantTunnel | BrokenRow {
    const row = readDormant(columns, this.#rules)
    if (isBroken(row)) this.#broken.note(row)
    else this.#broken.forget(row.id)
    return row
  }
}

/** What the values of DORMANT_COLUMNS are. */
export function readDormant(columns: Columns, rules: RowRules): DormantTunnel | BrokenRow {
  const row = readRow(columns, rules)
  const isSuspended = Number(columns[SUSPENDED_AT]) === 1
  const state = isSuspended ? 'suspended' : 'dormant'
  if (isBroken(row)) return { ...row, state }
  const [since, until] = [columns[SINCE_AT], columns[UNTIL_AT]]
  if (!isTime(since)) return { ...broken(columns, 'since is not a time'), state }
  if (!isTime(until)) return { ...broken(columns, 'until is not a time'), state }
  return { ...row, dormant: { since, until, isSuspended } }
}
