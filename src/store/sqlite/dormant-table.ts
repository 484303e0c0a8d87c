import { parseIpv6 } from '../../address/ipv6.ts'
import type { BrokenRow, DormantTunnel } from '../../tunnel/tunnel.ts'
import type { DormantReader } from '../tunnel-store.ts'
import type { Database, Statement } from './database.ts'
import type { Given } from './index-allocation.ts'
import { type Columns, isBroken, type RowRules, readRow, routedPrefixIn } from './row-rules.ts'

/** The columns of a dormant row as a tunnel is read from them; since, until and suspended follow. */
export const DORMANT_COLUMNS =
  'id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, kind, details, ' +
  'NULL, NULL, routed_prefix, mtu, since, until, suspended'
const SINCE_AT = 16
const UNTIL_AT = 17
const SUSPENDED_AT = 18

/** Tunnels that were silent for too long: what they need to come back. A row that can't be used is none. */
export class DormantTable implements DormantReader {
  readonly #rules: RowRules
  readonly #byId: Statement
  readonly #byName: Statement
  readonly #after: Statement
  readonly #ended: Statement
  readonly #given: Statement
  readonly #count: Statement
  readonly #suspended: Statement
  readonly #suspendedAt: Statement
  readonly #inPlaceOf: Statement
  readonly #hasDevice: Statement

  constructor(database: Database, rules: RowRules) {
    this.#rules = rules
    const select = `SELECT ${DORMANT_COLUMNS} FROM dormant`
    this.#byId = database.prepare(`${select} WHERE id = ?`)
    this.#byName = database.prepare(`${select} WHERE nicname = ? AND country = ?`)
    this.#after = database.prepare(`${select} WHERE id > ? ORDER BY id LIMIT ?`)
    this.#ended = database.prepare(
      'SELECT id FROM dormant WHERE until <= ? AND suspended = 0 ORDER BY until LIMIT ?',
    )
    this.#given = database.prepare('SELECT IPv6client, routed_prefix FROM dormant')
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
    return this.#read(this.#byId.get(id))
  }

  byName(nicname: string, country: string): DormantTunnel | undefined {
    return this.#read(this.#byName.get(nicname, country))
  }

  after(id: string, limit: number): readonly DormantTunnel[] {
    return this.#after.all(id, limit).flatMap(columns => this.#read(columns) ?? [])
  }

  endedBy(steady: number, limit: number): readonly string[] {
    return this.#ended.all(steady, limit).map(row => String(row.id))
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

  /** What the rows keep of the pools, so that nobody else is given it. */
  given(): readonly Given[] {
    return this.#given.all().flatMap(({ IPv6client, routed_prefix }) => {
      const ipv6Client = parseIpv6(String(IPv6client))
      if (ipv6Client === undefined) return []
      return { ipv6Client, routedPrefix: routedPrefixIn(routed_prefix) ?? undefined }
    })
  }

  #read(found: unknown): DormantTunnel | undefined {
    if (found === undefined) return undefined
    const row = readDormant(found as Columns, this.#rules)
    return isBroken(row) ? undefined : row
  }
}

/** What the values of DORMANT_COLUMNS are. */
export function readDormant(columns: Columns, rules: RowRules): DormantTunnel | BrokenRow {
  const row = readRow(columns, rules)
  if (isBroken(row)) return row
  return {
    ...row,
    dormant: {
      since: Number(columns[SINCE_AT]),
      until: Number(columns[UNTIL_AT]),
      isSuspended: Number(columns[SUSPENDED_AT]) === 1,
    },
  }
}
