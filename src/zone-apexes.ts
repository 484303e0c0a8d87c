/** The names of the zones that tunnels live in, and of the zone that lists all others. */
import { reverseApex, reverseApexes } from './address/reverse-name.ts'
import type { Config } from './config/config.ts'
import { wireName } from './lifecycle/tunnel-names.ts'
import { lowerCaseName } from './wire/name.ts'

/** The zones that tunnels live in: `apex` in wire form and lower case. */
interface TunnelApexes {
  readonly forward: TunnelApex
  /** Of the links' addresses, then of the routed prefixes. */
  readonly reverse: readonly TunnelApex[]
}

interface TunnelApex {
  readonly apex: Uint8Array
  readonly key: string
}

export function tunnelApexes({ origin, tunnel }: Config): TunnelApexes {
  const routed = tunnel.routed_prefix === undefined ? [] : reverseApexes(tunnel.routed_prefix)
  return { forward: apexOf(origin), reverse: [reverseApex(tunnel.prefix), ...routed].map(apexOf) }
}

export function allApexes(config: Config): readonly TunnelApex[] {
  const { forward, reverse } = tunnelApexes(config)
  return [forward, ...reverse]
}

function apexOf(name: string): TunnelApex {
  const apex = wireName(name)
  return { apex, key: keyOf(apex) }
}

/** The apexes of the zones of the routed prefixes, in wire form and lower case. */
export function routedApexes({ tunnel }: Config): readonly Uint8Array[] {
  return tunnel.routed_prefix === undefined ? [] : reverseApexes(tunnel.routed_prefix).map(wireName)
}

/** Apex of the catalog zone (RFC 9432), in wire form and lower case; undefined: there is none. */
export function catalogApexOf({ dns }: Config): Uint8Array | undefined {
  return dns.catalog_zone === '' ? undefined : lowerCaseName(wireName(dns.catalog_zone))
}

/** Equal for equal names, whatever their case. */
export function keyOf(name: Uint8Array): string {
  return Buffer.from(lowerCaseName(name)).toString('latin1')
}
