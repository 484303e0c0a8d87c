import { formatIpv6 } from '../address/ipv6.ts'
import { formatPrefix } from '../address/prefix.ts'
import { readAgain } from '../lifecycle/read-again.ts'
import { type Correspondence, troubleOf } from '../mail/correspondence.ts'
import type { Problem } from '../shared/problem.ts'
import { clientPlaceOf } from '../tunnel/client-place.ts'
import type { Contact } from '../tunnel/contact.ts'
import { mtuOf } from '../tunnel/mtu.ts'
import { nameOf, stateOf, stateSinceOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'
import { describe } from './describe.ts'
import type { PortalOptions } from './options.ts'

const LINK_PREFIX_LENGTH = 64

interface RepresentationOptions extends Pick<PortalOptions, 'facts' | 'lifecycle' | 'traffic'> {
  readonly publicUrl: string
  readonly correspondence: Correspondence
}

/** What the API tells of a tunnel to whoever has its key. */
export class TunnelRepresentations {
  readonly #options: RepresentationOptions

  constructor(options: RepresentationOptions) {
    this.#options = options
  }

  /**
   * `warnings` is there only where there are some. What was just registered is told although where its owner is to be
   * told can't be read any more: with it goes the key.
   */
  of(
    tunnel: Tunnel,
    {
      warnings = [],
      language,
      isNew = false,
    }: { readonly warnings?: readonly Problem[]; readonly language: Language; readonly isNew?: boolean },
  ): object {
    const { facts, lifecycle, traffic } = this.#options
    const octets = traffic.of(tunnel.id)
    const { correspondence } = this.#options
    const nameTrouble = lifecycle.nameTroubleOf(tunnel)
    const told = nameTrouble === undefined ? warnings : [...warnings, nameTrouble]
    const readContact = () => correspondence.wishes.of(tunnel.id)
    return {
      id: tunnel.id,
      name: nameOf(tunnel, facts.origin),
      state: stateOf(tunnel),
      kind: tunnel.kind.name,
      ...clientPlaceOf(tunnel, lifecycle.heardFrom(tunnel)),
      ipv4_server: facts.serverIpv4,
      ipv6_client: formatIpv6(tunnel.ipv6Client),
      ipv6_server: formatIpv6(tunnel.ipv6Server),
      prefix_length: LINK_PREFIX_LENGTH,
      ...(tunnel.routedPrefix === undefined ? {} : { routed_prefix: formatPrefix(tunnel.routedPrefix) }),
      mtu: mtuOf(tunnel, facts),
      device: tunnel.device,
      creation_time: tunnel.creationTime,
      unreachable: tunnel.unreachable,
      unreachable_threshold: facts.threshold,
      ...(octets === undefined ? {} : { received_octets: octets.received, sent_octets: octets.sent }),
      ...stageOf(tunnel, lifecycle.endOf(tunnel)),
      ...(tunnel.kind.publicKey === undefined ? {} : { wireguard: this.#wireguard(tunnel) }),
      ...contactOf(isNew ? readAgain(readContact, undefined) : readContact(), correspondence),
      links: this.linksOf(tunnel),
      ...(told.length === 0 ? {} : { warnings: describe(told, language) }),
    }
  }

  /** `router` is there only where a prefix is routed to the tunnel. */
  linksOf(
    tunnel: Tunnel,
  ): Readonly<Record<'self' | 'script' | 'page', string>> & { readonly router?: string } {
    const self = `${this.#options.publicUrl}/api/v1/tunnels/${tunnel.id}`
    return {
      self,
      script: `${self}/script?os=${tunnel.os}&action=up`,
      page: `${this.#options.publicUrl}/tunnels/${tunnel.id}`,
      ...(tunnel.routedPrefix === undefined ? {} : { router: `${self}/router` }),
    }
  }

  /** What the client's configuration holds beside its private key. */
  #wireguard(tunnel: Tunnel): object {
    const { serverPublicKey, endpoint } = this.#options.facts.wireguard
    return {
      public_key: tunnel.kind.publicKey,
      server_public_key: serverPublicKey,
      endpoint,
      allowed_ips: '::/0',
      address: `${formatIpv6(tunnel.ipv6Client)}/${LINK_PREFIX_LENGTH}`,
    }
  }
}

/** Since when a tunnel is in its state, and when that ends by itself, if it is a time that ends it. */
function stageOf(tunnel: Tunnel, until: number | undefined): object {
  const since = stateSinceOf(tunnel)
  return {
    ...(since === undefined ? {} : { state_since: since }),
    ...(tunnel.dormant === undefined ? {} : { dormant_since: tunnel.dormant.since }),
    ...(until === undefined ? {} : { until }),
  }
}

/** Where the owner is told, whether whoever reads there has said yes, and why nothing is told there; nothing if nowhere. */
function contactOf(contact: Contact | undefined, correspondence: Correspondence): object {
  const ways = contact?.ways ?? []
  return Object.fromEntries(
    ways.flatMap(way => {
      const trouble = troubleOf(correspondence, way)
      return [
        [way.kind, way.target],
        [`${way.kind}_confirmed`, way.isConfirmed],
        ...(trouble === undefined ? [] : [[`${way.kind}_trouble`, trouble]]),
      ]
    }),
  )
}
