import { parseIpv4 } from '../../address/ipv4.ts'
import { isCanonicalIpv6, parseIpv6 } from '../../address/ipv6.ts'
import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '../../address/prefix.ts'
import type { Kinds } from '../../tunnel/kind.ts'
import { isLabel } from '../../tunnel/label.ts'
import { isMtu } from '../../tunnel/mtu.ts'
import { isOfRange, type RoutedRange } from '../../tunnel/routed-pool.ts'
import { type BrokenRow, stateOf, type Tunnel } from '../../tunnel/tunnel.ts'
import { LAST_SECOND, safeInteger } from './safe-integer.ts'

/** The columns that a tunnel is written to, in the order of `Columns`. */
export const COLUMNS =
  'id, IPv4client, IPv6client, IPv6server, device, nicname, country, os, creation_time, unreachable, kind, details, ' +
  'wait_until, state_since, routed_prefix, mtu'

const INTEGERS = ['creation_time', 'unreachable', 'wait_until', 'state_since', 'mtu']
/** COLUMNS as they are selected. */
export const SELECTED = COLUMNS.split(', ')
  .map(name => (INTEGERS.includes(name) ? safeInteger(name) : name))
  .join(', ')

/** Values in the order of COLUMNS, as the driver gives them. */
export type Columns = readonly unknown[]

/** What the values of a row are held against. */
export interface RowRules {
  readonly kinds: Kinds
  /** The names of those that the configuration does not offer: their rows are kept, and serve nobody meanwhile. */
  readonly unoffered?: ReadonlySet<string>
  readonly prefix: Prefix
  readonly routed?: RoutedRange | undefined
  readonly devicePrefix: string
  isCountry(code: string): boolean
  isOs(id: string): boolean
}

const UNREACHABLE_AT = 9
/** Where those stand that later schemas have added. */
const WAIT_UNTIL_AT = 12
const STATE_SINCE_AT = 13
const ROUTED_PREFIX_AT = 14
const MTU_AT = 15

const ID = /^[A-Za-z0-9_-]{1,64}$/
const DEVICE = /^[A-Za-z0-9_-]{1,15}$/ // IFNAMSIZ

/**
 * The tunnel that a row is, or why it is none. The one place where text of the database becomes values. It runs for
 * every row of a table of millions at start and in each audit: no closure, and one object a sound row.
 */
export function readRow(columns: Columns, rules: RowRules): Tunnel | BrokenRow {
  const [id, ipv4, client, server, device, nicname, country, os, creationTime, unreachable, kind, details] =
    columns
  const waitUntil = columns[WAIT_UNTIL_AT]
  const stateSince = columns[STATE_SINCE_AT]
  if (typeof id !== 'string' || !ID.test(id)) return broken(columns, 'id is not letters and digits')
  if (typeof nicname !== 'string' || !isLabel(nicname))
    return broken(columns, 'nicname is not a lower-case label')
  if (typeof country !== 'string' || !rules.isCountry(country)) return broken(columns, 'country is not known')
  if (typeof os !== 'string' || !rules.isOs(os)) return broken(columns, 'os is not known')
  if (typeof device !== 'string' || !DEVICE.test(device))
    return broken(columns, 'device is not the name of a device')
  if (!device.startsWith(rules.devicePrefix))
    return broken(columns, `device does not begin with ${rules.devicePrefix}`)
  const ipv6Client = addressIn(client, rules.prefix)
  // Another spelling could not be found again by address.
  if (ipv6Client === undefined || !isCanonicalIpv6(String(client), ipv6Client))
    return broken(columns, 'IPv6client is not a canonical address of the prefix')
  const ipv6Server = addressIn(server, rules.prefix)
  if (ipv6Server === undefined) return broken(columns, 'IPv6server is not an address of the prefix')
  if (!isTime(creationTime)) return broken(columns, 'creation_time is not a time')
  if (!isCount(unreachable, -1)) return broken(columns, 'unreachable is not a count')
  if (!isTimeOrNull(waitUntil)) return broken(columns, 'wait_until is not a time')
  const routedPrefix = routedPrefixIn(columns[ROUTED_PREFIX_AT])
  if (routedPrefix === undefined) return broken(columns, 'routed_prefix is not an IPv6 prefix')
  const mtu = columns[MTU_AT]
  if (mtu !== null && !isMtu(mtu)) return broken(columns, 'mtu is not an MTU of IPv6')
  if (!isTimeOrNull(stateSince)) return broken(columns, 'state_since is not a time')
  const known = typeof kind === 'string' ? rules.kinds.byName(kind) : undefined
  if (known === undefined) return broken(columns, 'kind is not known')
  const fields = known.readFields(parsed(details))
  if (fields === undefined) return broken(columns, `details are not those of ${known.name}`)
  const ipv4Client = typeof ipv4 === 'string' ? ipv4 : undefined
  if (ipv4Client === undefined ? known.hasEndpoint : parseIpv4(ipv4Client) === undefined)
    return broken(columns, 'IPv4client is not an address')
  if (rules.unoffered?.has(known.name) === true) return unoffered(columns, known.name)
  return {
    id,
    kind: fields,
    ipv4Client,
    ipv6Client,
    ipv6Server,
    routedPrefix: routedPrefix === null ? undefined : routed(routedPrefix, rules.routed),
    device,
    nicname,
    country,
    os,
    creationTime,
    unreachable,
    waitUntil: waitUntil ?? undefined,
    stateSince: stateSince ?? undefined,
    mtu: mtu ?? undefined,
  }
}

/** Null: there is none; undefined: it is none. Another spelling could be given out a second time. */
export function routedPrefixIn(text: unknown): Prefix | null | undefined {
  if (text === null) return null
  const prefix = typeof text === 'string' ? parsePrefix(text) : undefined
  return prefix?.octets.length === 16 && formatPrefix(prefix) === text ? prefix : undefined
}

/** One that the configuration has no room for any more is kept in its row, and is not routed. */
function routed(prefix: Prefix, range: RoutedRange | undefined): Prefix | undefined {
  return range !== undefined && isOfRange(prefix, range) ? prefix : undefined
}

/** The names of the kinds that are not offered as a JSON array, for statements that leave their rows out. */
export function unofferedKinds({ unoffered }: Pick<RowRules, 'unoffered'>): string {
  return JSON.stringify([...(unoffered ?? [])])
}

/** Where a walk by id goes on behind these rows, `limit` of which were asked for; undefined: there are no more. */
export function nextAfter(rows: readonly Columns[], limit: number): string | undefined {
  const last = rows.length < limit ? undefined : rows.at(-1)
  return last && String(last[0])
}

export function isBroken(row: object): row is BrokenRow {
  return 'reason' in row
}

/** The addresses of a broken row that can be read, so that nobody else is given them. */
export function addressesOf({ columns }: BrokenRow): readonly Uint8Array[] {
  return [columns.IPv6client, columns.IPv6server].flatMap(text => parseIpv6(text ?? '') ?? [])
}

/** The octets of a text that is an address of the prefix. */
export function addressIn(text: unknown, prefix: Prefix): Uint8Array | undefined {
  const octets = typeof text === 'string' ? parseIpv6(text) : undefined
  return octets !== undefined && prefixContains(prefix, octets) ? octets : undefined
}

function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isCount(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

/** In UTC seconds, of a calendar that a page can show. */
export function isTime(value: unknown): value is number {
  return isCount(value, 0) && value <= LAST_SECOND
}

function isTimeOrNull(value: unknown): value is number | null {
  return value === null || isTime(value)
}

function unoffered(columns: Columns, kind: string): BrokenRow {
  return { ...broken(columns, `${kind} is not among tunnel.kinds`), unofferedKind: kind }
}

export function broken(columns: Columns, reason: string): BrokenRow {
  const names = COLUMNS.split(', ')
  const waitUntil = Number(columns[WAIT_UNTIL_AT] ?? Number.NaN)
  return {
    id: String(columns[0]),
    state: stateOf({
      unreachable: Number(columns[UNREACHABLE_AT]),
      waitUntil: Number.isNaN(waitUntil) ? undefined : waitUntil,
    }),
    reason,
    columns: Object.fromEntries(names.map((name, at) => [name, String(columns[at] ?? '')])),
  }
}
