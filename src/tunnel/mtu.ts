import type { Tunnel } from './tunnel.ts'

/** What every link of IPv6 carries (RFC 8200 5). */
export const SMALLEST_MTU = 1280
/** What an IPv4 packet has room for. */
const LARGEST_MTU = 65_535

export interface MtuFacts {
  /** Octets of the largest packet that tunnels of a kind have, by its name. */
  readonly largestMtuOf: (kind: string) => number
}

/** Whether a tunnel of whatever kind could have packets of `value` octets. */
export function isMtu(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= SMALLEST_MTU && value <= LARGEST_MTU
}

/** Octets of the largest packet that a tunnel takes: its owner may want less than its kind has. */
export function mtuOf(tunnel: Pick<Tunnel, 'kind' | 'mtu'>, facts: MtuFacts): number {
  const most = largestMtu(tunnel, facts)
  return Math.min(tunnel.mtu ?? most, most)
}

/** The same of its kind. */
export function largestMtu({ kind }: Pick<Tunnel, 'kind'>, facts: MtuFacts): number {
  return facts.largestMtuOf(kind.name)
}
