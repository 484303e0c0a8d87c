import { formatIpv6 } from '../address/ipv6.ts'
import { formatPrefix, LINK_PREFIX_LENGTH } from '../address/prefix.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { clientPlaceOf } from '../tunnel/client-place.ts'
import type { Contact } from '../tunnel/contact.ts'
import type { Octets } from '../tunnel/interface.ts'
import { type MtuFacts, mtuOf } from '../tunnel/mtu.ts'
import { type BrokenRow, nameOf, stateOf, stateSinceOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { TunnelReport } from './tunnel-report.ts'

/** What clients are told of the server, the same for all tunnels. */
export interface ClientFacts extends MtuFacts {
  readonly serverIpv4: string
  readonly wireguard: {
    /** Empty if the server has none: then it offers no WireGuard. */
    readonly serverPublicKey: string
    /** Host and port. */
    readonly endpoint: string
  }
}

/** What has passed a tunnel, as far as it was counted. */
interface Traffic {
  of(id: string): Octets | undefined
}

/** Tunnels as the operator sees them. */
export class TunnelReports {
  readonly #table: TunnelReader
  readonly #lifecycle: Pick<Lifecycle, 'endOf' | 'faultOf' | 'heardFrom'>
  readonly #traffic: Traffic
  readonly #facts: ClientFacts
  readonly #origin: string

  constructor(parts: {
    readonly table: TunnelReader
    readonly lifecycle: Pick<Lifecycle, 'endOf' | 'faultOf' | 'heardFrom'>
    readonly traffic: Traffic
    readonly facts: ClientFacts
    readonly origin: string
  }) {
    this.#table = parts.table
    this.#lifecycle = parts.lifecycle
    this.#traffic = parts.traffic
    this.#facts = parts.facts
    this.#origin = parts.origin
  }

  of(tunnel: Tunnel): TunnelReport {
    return {
      id: tunnel.id,
      name: nameOf(tunnel, this.#origin),
      nicname: tunnel.nicname,
      country: tunnel.country,
      os: tunnel.os,
      state: stateOf(tunnel),
      kind: tunnel.kind.name,
      ...clientPlaceOf(tunnel, this.#lifecycle.heardFrom(tunnel)),
      ipv4_server: this.#facts.serverIpv4,
      ipv6_client: formatIpv6(tunnel.ipv6Client),
      ipv6_server: formatIpv6(tunnel.ipv6Server),
      prefix_length: LINK_PREFIX_LENGTH,
      ...(tunnel.routedPrefix === undefined ? {} : { routed_prefix: formatPrefix(tunnel.routedPrefix) }),
      mtu: mtuOf(tunnel, this.#facts),
      ...this.#wireguardOf(tunnel),
      device: tunnel.device,
      creation_time: tunnel.creationTime,
      unreachable: tunnel.unreachable,
      received_octets: this.#traffic.of(tunnel.id)?.received,
      sent_octets: this.#traffic.of(tunnel.id)?.sent,
      state_since: stateSinceOf(tunnel),
      dormant_since: tunnel.dormant?.since,
      until: this.#lifecycle.endOf(tunnel),
      fault: this.#lifecycle.faultOf(tunnel.id),
      ...contactOf(this.#table.contactOf(tunnel.id)),
      note: this.#table.noteOf(tunnel.id),
    }
  }

  #wireguardOf({ kind, ipv6Client }: Tunnel): Pick<TunnelReport, 'wireguard'> {
    const { serverPublicKey, endpoint } = this.#facts.wireguard
    if (kind.publicKey === undefined) return {}
    return {
      wireguard: {
        public_key: kind.publicKey,
        server_public_key: serverPublicKey,
        endpoint,
        allowed_ips: '::/0',
        address: `${formatIpv6(ipv6Client)}/${LINK_PREFIX_LENGTH}`,
      },
    }
  }
}

function contactOf(contact: Contact | undefined): Partial<TunnelReport> {
  const ways = contact?.ways ?? []
  return Object.fromEntries(
    ways.flatMap(({ kind, target, isConfirmed }) => [
      [kind, target],
      [`${kind}_confirmed`, isConfirmed],
    ]),
  )
}

/** What can be said of a row that can't be used: its columns as they stand. */
export function reportOfBroken({ id, reason, unofferedKind, columns }: BrokenRow): TunnelReport {
  const { nicname = '', country = '' } = columns
  return {
    id,
    name: `${nicname}.${country}`,
    nicname,
    country,
    os: columns.os ?? '',
    state: unofferedKind === undefined ? 'broken' : 'unoffered',
    ...(unofferedKind === undefined ? {} : { kind: unofferedKind }),
    ipv4_client: columns.IPv4client ?? null,
    ipv6_client: columns.IPv6client ?? '',
    ipv6_server: columns.IPv6server ?? '',
    device: columns.device ?? '',
    creation_time: wholeIn(columns.creation_time),
    unreachable: wholeIn(columns.unreachable),
    fault: reason,
  }
}

/** What of a broken row is a whole number; 0: nothing. */
function wholeIn(text: string | undefined): number {
  const number = Math.trunc(Number(text))
  return Number.isSafeInteger(number) ? number : 0
}
