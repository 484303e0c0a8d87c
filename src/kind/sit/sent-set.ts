import type { Prefix } from '../../address/prefix.ts'
import type { RoutedRange } from '../../tunnel/routed-pool.ts'

/** Elements are the filter's: an endpoint and a network. The packets themselves make them. */
const SENT_SET = { table: 'freenet6', set: 'sent' } as const
/** One for which nothing was sent for so long is forgotten: a tunnel that has moved leaves one behind. */
const FORGOTTEN_AFTER = '2h'
/** Octets of the outer header, which the filter's counters count. */
const OUTER_HEADER = 20

/** What a counter says of packets in protocol 41. */
export interface Counted {
  readonly packets: number
  readonly bytes: number
}

/**
 * The lines that count what is sent into each tunnel, where it leaves in protocol 41. What a full set has no room for is
 * not counted, and passes all the same.
 */
export function sentLines({
  serverIpv4,
  routed,
  capacity,
}: {
  readonly serverIpv4: string
  readonly routed?: RoutedRange | undefined
  readonly capacity: number
}): readonly string[] {
  const { table, set } = SENT_SET
  const output = `add rule ip ${table} output`
  return [
    `add set ip ${table} ${set} { typeof ip daddr . @nh,352,64; size ${capacity}; flags dynamic,timeout; timeout ${FORGOTTEN_AFTER}; }`,
    `add chain ip ${table} output { type filter hook output priority filter; policy accept; }`,
    `flush chain ip ${table} output`,
    `${output} meta l4proto != 41 accept`,
    `${output} ip saddr != ${serverIpv4} accept`,
    ...routedLines(output, routed),
    `${output} update @${set} { ip daddr . @nh,352,64 counter }`,
  ]
}

/** Octets without the outer header, as the devices of the other layout count them. */
export function innerOctets({ packets, bytes }: Counted): number {
  return Math.max(0, bytes - packets * OUTER_HEADER)
}

/** Of a routed prefix the set has the network. */
function routedLines(output: string, routed: RoutedRange | undefined): readonly string[] {
  if (routed === undefined) return []
  return [
    `${output} ${withinBlock(352, routed.prefix)} update @${SENT_SET.set} { ip daddr . ${networkAt(352, routed)} counter } accept`,
  ]
}

/** Whether the address that begins at bit `at` of the header lies in a block. */
export function withinBlock(at: number, block: Prefix): string {
  return `@nh,${at},${block.length} ${highBits(block)}`
}

/** The network of such an address, cut to the length of routed prefixes. */
export function networkAt(at: number, { length }: RoutedRange): string {
  const mask = `0x${((2n ** BigInt(length) - 1n) << BigInt(64 - length)).toString(16)}`
  return length === 64 ? `@nh,${at},64` : `(@nh,${at},64 & ${mask})`
}

/** The bits of a prefix as one number, the way nft compares them. */
function highBits({ octets, length }: Prefix): string {
  const network = new DataView(octets.buffer, octets.byteOffset).getBigUint64(0)
  return `0x${(network >> BigInt(64 - length)).toString(16)}`
}
