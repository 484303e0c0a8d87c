import type { TunnelReader } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

/** The tunnel, dormant or not, that somebody means: by its id, by `nicname.country`, or by its full name, with or without final dot. */
export function findTunnel(table: TunnelReader, origin: string, reference: string): Tunnel | undefined {
  if (!reference.includes('.')) return table.byId(reference) ?? table.dormant.byId(reference)
  const name = reference.toLowerCase().replace(/\.$/, '')
  const short = name.endsWith(`.${origin}`) ? name.slice(0, -origin.length - 1) : name
  const [nicname = '', country = '', ...rest] = short.split('.')
  if (rest.length > 0) return undefined
  return table.byName(nicname, country) ?? table.dormant.byName(nicname, country)
}
