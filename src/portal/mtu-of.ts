import type { Tunnel } from '../tunnel/tunnel.ts'
import type { ScriptFacts } from './script-values.ts'

/** Octets of the largest packet that a tunnel takes: each kind has headers of its own. */
export function mtuOf({ kind }: Tunnel, facts: Pick<ScriptFacts, 'mtu' | 'wireguard'>): number {
  return kind.publicKey === undefined ? facts.mtu : facts.wireguard.mtu
}
