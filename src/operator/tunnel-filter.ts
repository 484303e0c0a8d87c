import { parseIpv6 } from '../address/ipv6.ts'
import { linkPrefixOf, type Prefix, parsePrefix, prefixContains } from '../address/prefix.ts'
import { parseEndpoint } from '../shared/endpoint.ts'
import type { TunnelReport } from './tunnel-report.ts'

/** Which tunnels are listed: all of these must be so. */
export interface TunnelFilter {
  readonly state?: string | undefined
  readonly kind?: string | undefined
  readonly country?: string | undefined
  /** Any part of the name, in any case. */
  readonly name?: string | undefined
  /** An address or a prefix of either family: of the tunnel's /64, its endpoint, or what is routed to it. */
  readonly address?: string | undefined
}

/** Whether a filter lets a tunnel through. */
export function passes(report: TunnelReport, { state, kind, country, name, address }: TunnelFilter): boolean {
  if (address !== undefined && !isAt(report, address)) return false
  if (state !== undefined && report.state !== state) return false
  if (kind !== undefined && report.kind !== kind) return false
  if (country !== undefined && report.country !== country.toLowerCase()) return false
  return name === undefined || report.name.includes(name.toLowerCase())
}

function isAt(report: TunnelReport, address: string): boolean {
  const wanted = parsePrefix(address)
  const own = [
    parsePrefix(report.ipv4_client ?? ''),
    parsePrefix(parseEndpoint(report.client_endpoint ?? '')?.address ?? ''),
    linkOf(report.ipv6_client),
    parsePrefix(report.ipv6_server),
    parsePrefix(report.routed_prefix ?? ''),
  ]
  return wanted !== undefined && own.some(prefix => overlaps(wanted, prefix))
}

/** Hosts choose any address of it: an abuse report rarely names the client's first. */
function linkOf(ipv6Client: string): Prefix | undefined {
  const octets = parseIpv6(ipv6Client)
  return octets && linkPrefixOf(octets)
}

function overlaps(one: Prefix, other: Prefix | undefined): boolean {
  return other !== undefined && (prefixContains(one, other.octets) || prefixContains(other, one.octets))
}
