import { parseIpv4 } from '../address/ipv4.ts'
import { addressOctets, type Prefix, prefixContains } from '../address/prefix.ts'
import { specialPurpose } from '../address/special-purpose.ts'
import type { VisitorAddress } from '../registration/visitor.ts'

/**
 * Whether a tunnel can work from an address. `public`: it looks so. `private`, `loopback`: in our own network. `shared`:
 * carrier-grade NAT; `nat`: one of the two, and no hindrance to WireGuard. `special`: no host of the Internet has it.
 * `ipv6`: there is IPv6 already; `tunnel`: from here. `proxied`: a proxy that is not configured hides the visitor.
 */
export type Outlook =
  | 'public'
  | 'private'
  | 'loopback'
  | 'shared'
  | 'nat'
  | 'special'
  | 'ipv6'
  | 'tunnel'
  | 'proxied'
  | 'unknown'

/** How good it is, for the eye: words say the same. */
export const MOOD = {
  public: 'good',
  nat: 'good',
  tunnel: 'good',
  ipv6: 'good',
  private: 'wait',
  loopback: 'wait',
  proxied: 'wait',
  unknown: 'wait',
  shared: 'bad',
  special: 'bad',
} as const satisfies Readonly<Record<Outlook, string>>

/** `tunnels`: the prefixes that our own tunnels and the networks behind them are in; `offered`: the kinds that one can have. */
export function outlookOf(
  { address, family }: VisitorAddress,
  { tunnels, offered }: { readonly tunnels: readonly Prefix[]; readonly offered: readonly string[] },
): Outlook {
  const octets = addressOctets(address)
  if (octets === undefined) return 'unknown'
  if (family === 6) return ipv6Outlook(octets, tunnels)
  const ipv4 = parseIpv4(address)
  const kind = ipv4 === undefined ? undefined : specialPurpose(ipv4)
  if (kind === undefined) return 'public'
  if (kind === 'private' || kind === 'shared') return offered.includes('wireguard') ? 'nat' : kind
  return kind === 'loopback' ? kind : 'special'
}

function ipv6Outlook(octets: Uint8Array, tunnels: readonly Prefix[]): Outlook {
  if (tunnels.some(prefix => prefixContains(prefix, octets))) return 'tunnel'
  const isLoopback = octets.subarray(0, 15).every(octet => octet === 0) && octets[15] === 1
  return isLoopback ? 'loopback' : 'ipv6'
}
