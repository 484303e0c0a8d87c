import { createHash } from 'node:crypto'
import { formatPrefix } from '../../address/prefix.ts'
import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import type { RoutedRange } from '../../tunnel/routed-pool.ts'
import { networkAt, sentLines, withinBlock } from './sent-set.ts'
import {
  type Admitted,
  elementLines,
  FILTER_TABLE,
  keyOf,
  listElements,
  readSize,
} from './shared-layout-elements.ts'

export interface FilterOptions {
  readonly device: string
  readonly serverIpv4: string
  readonly mtu: number
  /** The block that tunnels' addresses are taken from, as text. */
  readonly pool: string
  /** Where further prefixes of tunnels are taken from. */
  readonly routed?: RoutedRange | undefined
  /** Elements that the sets are made for at first: see setRoom. */
  readonly capacity: number
}

/** Set on packets that passed the filter; the device's rule lets no others be forwarded. */
export const PASSED_MARK = '0x2000000'

const TABLE = FILTER_TABLE
const DIGEST_DIGITS = 16

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
  const { device, pool, routed, capacity } = options
  const clamp = `add rule ip6 ${TABLE} clamp`
  const segment = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
  return [
    `add table ip ${TABLE}`,
    `add set ip ${TABLE} tunnels { typeof ip saddr . @nh,224,64; size ${capacity}; counter; }`,
    `add set ip ${TABLE} sleepers { typeof ip saddr . @nh,224,64; size ${capacity}; counter; }`,
    `add chain ip ${TABLE} input { type filter hook input priority filter; policy accept; }`,
    `flush chain ip ${TABLE} input`,
    ...inputRules(options).map(rule => `add rule ip ${TABLE} input ${rule}`),
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

/** What decides who is let in. The last rule bears a digest of the others, by which a filter that stands is known. */
function inputRules({ serverIpv4, routed }: FilterOptions): readonly string[] {
  const rules = [
    'meta l4proto != 41 accept',
    `ip daddr != ${serverIpv4} accept`,
    'ip hdrlength != 5 counter drop',
    '@nh,416,64 != 0x1 ip saddr . @nh,352,64 @tunnels counter drop',
    ...routedRules(routed),
    `ip saddr . @nh,224,64 @tunnels meta mark set meta mark or ${PASSED_MARK} accept`,
    // Counted by its element, and dropped: who is asleep is heard, and let in when the tunnel is back.
    'ip saddr . @nh,224,64 @sleepers drop',
  ]
  const digest = createHash('sha256').update(rules.join('\n')).digest('hex').slice(0, DIGEST_DIGITS)
  return [...rules, `counter drop comment "rules ${digest}"`]
}

/**
 * The same for routed prefixes, of which the set has the network: an address in their block is cut to that. Without the
 * block, who has one link could send from its neighbours'.
 */
function routedRules(routed: RoutedRange | undefined): readonly string[] {
  if (routed === undefined) return []
  return [
    `${withinBlock(352, routed.prefix)} ip saddr . ${networkAt(352, routed)} @tunnels counter drop`,
    `${withinBlock(224, routed.prefix)} ip saddr . ${networkAt(224, routed)} @tunnels meta mark set meta mark or ${PASSED_MARK} accept`,
    `${withinBlock(224, routed.prefix)} ip saddr . ${networkAt(224, routed)} @sleepers drop`,
  ]
}

/**
 * Brings the filter up to date. Sets that are there keep their size: a kernel from 6.5 on would take another one for them,
 * and one that is smaller than what they have. What can't be brought up to date, such as a set of
 * another make, is made anew in one step, with the elements that it has and these. Returns why that did not work.
 */
export async function installFilter(
  run: RunNft,
  options: FilterOptions,
  admitted: readonly Admitted[],
): Promise<string | undefined> {
  const capacity = (await readSize(run, 'tunnels')) ?? options.capacity
  if ((await runTransaction(run, filterLines({ ...options, capacity }))) === undefined) return undefined
  const held = (await listElements(run, 'tunnels')) ?? new Map<string, Admitted>()
  return remakeFilter(run, options, [...held.values(), ...admitted])
}

/**
 * Makes the filter anew in one step: packets see the old one or the new one. The set of tunnels has these elements, and
 * room for as many again; the others are empty. Returns why that did not work: then the old filter stands.
 */
export function remakeFilter(
  run: RunNft,
  options: FilterOptions,
  admitted: readonly Admitted[],
): Promise<string | undefined> {
  const elements = [...new Map(admitted.map(one => [keyOf(one), one])).values()]
  const capacity = Math.max(options.capacity, 2 * elements.length)
  return runTransaction(run, [
    `add table ip ${TABLE}`,
    `delete table ip ${TABLE}`,
    ...filterLines({ ...options, capacity }),
    ...elementLines('add', 'tunnels', elements),
  ])
}

/** Whether a filter that lets in whom this one would stands already, whatever the size of its sets. Changes nothing. */
export async function filterStands(run: RunNft, options: FilterOptions): Promise<boolean> {
  const { status, stdout } = await run(['list', 'chain', 'ip', TABLE, 'input'])
  if (status !== 0) return false
  const wanted = inputRules(options)
  const [hook = '', ...rules] = stdout.split('\n').filter(line => line.startsWith('\t\t'))
  const [, mark = ''] = /( comment .*)$/.exec(wanted.at(-1) ?? '') ?? []
  return hook.includes(' hook input ') && rules.length === wanted.length && !!rules.at(-1)?.endsWith(mark)
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
