import { addressOctets } from '../address/prefix.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { clientAddressBeside } from '../tunnel/address-pool.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { VisitorAddress } from './visitor.ts'

/**
 * The tunnel that a request came through: its source is an IPv6 address of the tunnel's /64, and not our own end of
 * it. That proves whose it is: nothing but what comes out of the tunnel's own interface may have such a source.
 */
export function tunnelBehind(
  table: TunnelReader,
  { address, family }: VisitorAddress,
):
  | { readonly kind: 'found'; readonly tunnel: Tunnel }
  | { readonly kind: 'none'; readonly problem: Problem } {
  if (family === 4) return none('over-ipv4', address)
  const octets = addressOctets(address)
  const tunnel = octets === undefined ? undefined : table.byIpv6Client(clientAddressBeside(octets))
  if (tunnel === undefined || octets === undefined || isSame(octets, tunnel.ipv6Server))
    return none('no-tunnel', address)
  return { kind: 'found', tunnel }
}

function none(reason: 'over-ipv4' | 'no-tunnel', visitor: string) {
  return { kind: 'none', problem: problem('not-from-tunnel', { case: reason, visitor }) } as const
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((octet, at) => octet === b[at])
}
