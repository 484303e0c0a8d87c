import { formatIpv6 } from '../address/ipv6.ts'
import { reverseName } from '../address/reverse-name.ts'
import type { TunnelZone } from '../lifecycle/tunnel-zone.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { nameOf } from '../tunnel/tunnel.ts'

/** Rows looked at for one that stands in DNS. */
const SAMPLE_SIZE = 20

/** A tunnel whose names are published, for the health check to ask for; names without the final dot. */
export function sampleTunnel(
  table: TunnelReader,
  zone: TunnelZone,
): { readonly name: string; readonly ipv6Client: string; readonly reverseName: string } | undefined {
  const tunnel = table.after('', SAMPLE_SIZE).rows.find(each => zone.rrsetsOf(each).length > 0)
  if (tunnel === undefined) return undefined
  return {
    name: nameOf(tunnel, zone.names.origin),
    ipv6Client: formatIpv6(tunnel.ipv6Client),
    reverseName: reverseName(tunnel.ipv6Client),
  }
}
