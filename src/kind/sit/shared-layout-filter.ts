import { formatPrefix } from '../../address/prefix.ts'
import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import type { RoutedRange } from '../../tunnel/routed-pool.ts'
import { networkAt, SENT_SET, sentLines, withinBlock } from './sent-set.ts'
import type { Entry } from './shared-layout-entry.ts'

/** Which source addresses may come from where: one element of the set. */
export type Admitted = Pick<Entry, 'endpoint' | 'network'>

/** What came through a tunnel since its element was made. */
export interface Traffic {
  readonly packets: number
  readonly bytes: number
}

export interface FilterOptions {
  readonly device: string
  readonly serverIpv4: string
  readonly mtu: number
  /** The block that tunnels' addresses are taken from, as text. */
  readonly pool: string
  /** Where further prefixes of tunnels are taken from. */
  readonly routed?: RoutedRange | undefined
  /** Most tunnels that the set can hold. */
  readonly capacity: number
}

/** Set on packets that passed the filter; the device's rule lets no others be forwarded. */
export const PASSED_MARK = '0x2000000'

const TABLE = 'freenet6'
export const FILTER_SET = { table: TABLE, set: 'tunnels' } as const
const SET = `ip ${TABLE} ${FILTER_SET.set}`
/** Elements of one transaction: 20,000 take 0.4 s. */
const TRANSACTION_ELEMENTS = 20_000
const ELEMENTS_A_LINE = 1000

/**
 * The lines that set the filter up, or bring one that is there up to date without losing an element. What comes out of
 * protocol 41 must have a source address of the tunnel whose endpoint sent it (BCP 38, RFC 4213 5). The inner header is
 * read at a fixed place, so a packet with IP options is dropped before; fragments have been put together at this hook.
 * What goes to an address of the pool that no tunnel has is answered 'address unreachable' (RFC 4443 3.1), since the
 * kernel's own answer for an unreachable route is 'no route'.
 * TCP connections have an MSS that the routes of both directions carry: each tunnel has an MTU of its own.
 * A packet from a tunnel into the same tunnel is dropped (RFC 6324 3.2), except one for the server's own address.
 */
function filterLines(options: FilterOptions): string[] {
  const { device, serverIpv4, pool, routed, capacity } = options
  const input = `add rule ip ${TABLE} input`
  const clamp = `add rule ip6 ${TABLE} clamp`
  const segment = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
  return [
    `add table ip ${TABLE}`,
    `add set ${SET} { typeof ip saddr . @nh,224,64; size ${capacity}; counter; }`,
    `add chain ip ${TABLE} input { type filter hook input priority filter; policy accept; }`,
    `flush chain ip ${TABLE} input`,
    `${input} meta l4proto != 41 accept`,
    `${input} ip daddr != ${serverIpv4} accept`,
    `${input} ip hdrlength != 5 counter drop`,
    `${input} @nh,416,64 != 0x1 ip saddr . @nh,352,64 @tunnels counter drop`,
    ...routedLines(input, routed),
    `${input} ip saddr . @nh,224,64 @tunnels meta mark set meta mark or ${PASSED_MARK} accept`,
    `${input} counter drop`,
    ...sentLines(options),
    // Takes out what the other layout has there: its rule against loops would part the clients of one device.
    `add table ip6 ${TABLE}`,
    `delete table ip6 ${TABLE}`,
    `add table ip6 ${TABLE}`,
    `add chain ip6 ${TABLE} clamp { type filter hook forward priority mangle; policy accept; }`,
    `${clamp} iifname "${device}" ${segment}`,
    `${clamp} oifname "${device}" ${segment}`,
    `add chain ip6 ${TABLE} unused { type filter hook prerouting priority filter; policy accept; }`,
    ...[pool, ...(routed === undefined ? [] : [formatPrefix(routed.prefix)])].map(
      block =>
        `add rule ip6 ${TABLE} unused ip6 daddr ${block} fib daddr type unreachable reject with icmpv6 addr-unreachable`,
    ),
  ]
}

/**
 * The same for routed prefixes, of which the set has the network: an address in their block is cut to that. Without the
 * block, who has one link could send from its neighbours'.
 */
function routedLines(input: string, routed: RoutedRange | undefined): readonly string[] {
  if (routed === undefined) return []
  return [
    `${input} ${withinBlock(352, routed.prefix)} ip saddr . ${networkAt(352, routed)} @tunnels counter drop`,
    `${input} ${withinBlock(224, routed.prefix)} ip saddr . ${networkAt(224, routed)} @tunnels meta mark set meta mark or ${PASSED_MARK} accept`,
  ]
}

/**
 * Brings the filter up to date. One that can't be, such as a set of another size, is made anew in one step, with the
 * elements that it has and these. Returns why that did not work.
 */
export async function installFilter(
  run: RunNft,
  options: FilterOptions,
  admitted: readonly Admitted[],
): Promise<string | undefined> {
  const { status, stdout } = await run(['-t', 'list', 'set', ...SET.split(' ')])
  const lines = filterLines(options)
  const isOfSize = status !== 0 || stdout.includes(`size ${options.capacity}\n`)
  if (isOfSize && (await runTransaction(run, lines)) === undefined) return undefined
  const elements = new Map([
    ...((await listAdmitted(run)) ?? []),
    ...admitted.map(one => [keyOf(one), one] as const),
  ])
  const anew = [`add table ip ${TABLE}`, `delete table ip ${TABLE}`, ...lines]
  return runTransaction(run, [...anew, ...elementLines('add', [...elements.values()])])
}

/** The filter's rules and the make of its set as `nft` lists them; without elements, of which a listing may be long. */
export async function readRules(run: RunNft): Promise<string | undefined> {
  const table = await run(['-t', 'list', 'table', 'ip', TABLE])
  const forwarded = await run(['-t', 'list', 'table', 'ip6', TABLE])
  if (table.status !== 0 || forwarded.status !== 0) return undefined
  return table.stdout.replaceAll(/ packets \d+ bytes \d+/g, '') + forwarded.stdout
}

/** Why the kernel or `nft` would refuse the filter; nothing is changed. */
export function filterTrouble(run: RunNft, options: FilterOptions): Promise<string | undefined> {
  return runTransaction((args, input) => run(['-c', ...args], input), filterLines(options))
}

/** Takes the filter away, if there is one. Returns why that did not work. */
export function removeFilter(run: RunNft): Promise<string | undefined> {
  return runTransaction(run, [`add table ip ${TABLE}`, `delete table ip ${TABLE}`])
}

/** Transactions that a change of elements takes. */
export function transactionsOf(change: {
  readonly refused: readonly Admitted[]
  readonly admitted: readonly Admitted[]
}): number {
  return Math.ceil(Math.max(change.refused.length, change.admitted.length) / TRANSACTION_ELEMENTS)
}

/** Takes elements out and puts others in, the first of them in one transaction. Returns why that did not work. */
export async function changeAdmitted(
  run: RunNft,
  { refused, admitted }: { readonly refused: readonly Admitted[]; readonly admitted: readonly Admitted[] },
): Promise<string | undefined> {
  const count = Math.max(refused.length, admitted.length)
  for (let first = 0; first < count; first += TRANSACTION_ELEMENTS) {
    const out = refused.slice(first, first + TRANSACTION_ELEMENTS)
    const into = admitted.slice(first, first + TRANSACTION_ELEMENTS)
    // One that is missing would fail the whole transaction: it is put in, to be taken out.
    const lines = [...elementLines('add', out), ...elementLines('delete', out), ...elementLines('add', into)]
    const reason = await runTransaction(run, lines)
    if (reason !== undefined) return reason
  }
  return undefined
}

const ELEMENT = /(\d+\.\d+\.\d+\.\d+) \. 0x([0-9a-f]{1,16})(?: counter packets (\d+) bytes (\d+))?/g

/** All elements of the set by their keys, with their counters; undefined if there is no set. */
export async function listAdmitted(
  run: RunNft,
): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
  const { status, stdout } = await run(['list', 'set', ...SET.split(' ')])
  return status === 0 ? parseElements(stdout) : undefined
}

/** What was sent into each tunnel, by the keys of its elements; of those that nothing is sent to nothing is known. */
export async function listSent(run: RunNft): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
  const { status, stdout } = await run(['list', 'set', 'ip', SENT_SET.table, SENT_SET.set])
  return status === 0 ? parseElements(stdout) : undefined
}

/** Some elements of the set; undefined if one of them is missing. */
export async function getAdmitted(
  run: RunNft,
  wanted: readonly Admitted[],
): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
  const { status, stdout } = await run([
    'get',
    'element',
    ...SET.split(' '),
    `{ ${wanted.map(keyOf).join(', ')} }`,
  ])
  return status === 0 ? parseElements(stdout) : undefined
}

function parseElements(listing: string): Map<string, Admitted & Traffic> {
  const elements = new Map<string, Admitted & Traffic>()
  for (const [, endpoint = '', digits = '', packets = '0', bytes = '0'] of listing.matchAll(ELEMENT)) {
    const network = digits.padStart(16, '0')
    const element = { endpoint, network, packets: Number(packets), bytes: Number(bytes) }
    elements.set(keyOf(element), element)
  }
  return elements
}

export function keyOf({ endpoint, network }: Admitted): string {
  return `${endpoint} . 0x${network}`
}

function elementLines(verb: 'add' | 'delete', elements: readonly Admitted[]): string[] {
  const lines: string[] = []
  for (let first = 0; first < elements.length; first += ELEMENTS_A_LINE) {
    const keys = elements.slice(first, first + ELEMENTS_A_LINE).map(keyOf)
    lines.push(`${verb} element ${SET} { ${keys.join(', ')} }`)
  }
  return lines
}
