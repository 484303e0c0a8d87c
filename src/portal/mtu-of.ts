import type { Tunnel } from '../tunnel/tunnel.ts'
import type { ScriptFacts } from './script-values.ts'

type Facts = Pick<ScriptFacts, 'mtu' | 'wireguard'>

/** Octets of the largest packet that a tunnel takes: each kind has headers of its own, and its owner may want less. */
export function mtuOf(tunnel: Tunnel, facts: Facts): number {
  const most = largestMtu(tunnel, facts)
  return Math.min(tunnel.mtu ?? most, most)
}

/** The same of its kind. */
export function largestMtu({ kind }: Tunnel, facts: Facts): number {
  return kind.publicKey === undefined ? facts.mtu : facts.wireguard.mtu
}
