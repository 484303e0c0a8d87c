import { formatIpv6 } from '../address/ipv6.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { TYPE } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import type { TunnelNames } from './tunnel-names.ts'

/** What the nameserver answers of tunnels at this moment, both ways; not what it ought to answer. */
export class PublishedNames {
  readonly #catalog: Pick<Catalog, 'rrset'>
  readonly #names: TunnelNames

  constructor(catalog: Pick<Catalog, 'rrset'>, names: TunnelNames) {
    this.#catalog = catalog
    this.#names = names
  }

  /** The addresses that a tunnel's name points to, and the names that its address points to; empty: none. */
  of(tunnel: Pick<Tunnel, 'nicname' | 'country' | 'ipv6Client'>): {
    readonly addresses: readonly string[]
    readonly names: readonly string[]
  } {
    const forward = this.#names.ownerOf(tunnel.nicname, tunnel.country)
    const backward = this.#names.reverseOwnerOf(tunnel.ipv6Client)
    return {
      addresses: this.#rdatas(forward, TYPE.AAAA).map(formatIpv6),
      names: this.#rdatas(backward, TYPE.PTR).map(name => formatName(name).replace(/\.$/, '')),
    }
  }

  #rdatas(owner: Uint8Array, type: number): readonly Uint8Array[] {
    return this.#catalog.rrset(owner, type)?.rdatas ?? []
  }
}
