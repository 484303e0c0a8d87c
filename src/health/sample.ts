import type { TunnelZone } from '../lifecycle/tunnel-zone.ts'
import type { TunnelTable } from '../store/sqlite/tunnel-table.ts'
import { formatName } from '../wire/name.ts'

/** Rows looked at for one that stands in DNS. */
const SAMPLE_SIZE = 20

/** A tunnel whose names are published, for the health check to ask for; names without the final dot. */
export function sampleTunnel(
  table: TunnelTable,
  zone: TunnelZone,
): { readonly name: string; readonly ipv6Client: string; readonly reverseName: string } | undefined {
  for (const tunnel of table.after('', SAMPLE_SIZE)) {
    const records = zone.recordsOf(tunnel)
    if (records === undefined) continue
    const [name = '', reverseName = ''] = [records.aaaa.owner, records.ptr.owner].map(owner =>
      formatName(owner).slice(0, -1),
    )
    return { name, ipv6Client: tunnel.ipv6Client, reverseName }
  }
  return undefined
}
