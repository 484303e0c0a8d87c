import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import type { Tunnel } from './tunnel.ts'

/** Where a tunnel's client is, under the names that API and operator have for it. */
interface ClientPlace {
  /** Of a client that roams it is the one that it was last heard from, if that was by IPv4. */
  readonly ipv4_client: string | null
  /** `192.0.2.7:51820`, `[2001:db8::7]:51820`: only of a client that roams and was heard. */
  readonly client_endpoint?: string
}

/** `heardFrom` is for the owner and the operator alone: it tells where somebody is. */
export function clientPlaceOf(
  { ipv4Client }: Pick<Tunnel, 'ipv4Client'>,
  heardFrom: Endpoint | undefined,
): ClientPlace {
  if (heardFrom === undefined) return { ipv4_client: ipv4Client ?? null }
  const isIpv4 = !heardFrom.address.includes(':')
  return {
    ipv4_client: ipv4Client ?? (isIpv4 ? heardFrom.address : null),
    client_endpoint: formatEndpoint(heardFrom),
  }
}
