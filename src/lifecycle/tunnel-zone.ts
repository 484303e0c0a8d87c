import type { Kinds } from '../tunnel/kind.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { TYPE } from '../wire/codes.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
import type { Rrset } from '../zone/rrset.ts'
import { soaMinimum } from '../zone/serial.ts'
import { soaMailbox } from '../zone/soa-mailbox.ts'
import { ReservedNames } from './reserved-names.ts'
import type { TunnelNames } from './tunnel-names.ts'

/** Nothing: the row stands in no name. */
const UNPUBLISHED: readonly Rrset[] = []

/** The rrsets of one tunnel. */
export interface TunnelRrsets {
  /** AAAA of its name. */
  readonly forward: Rrset
  /** PTR of its client's address. */
  readonly reverse: Rrset
  /** What its kind adds. */
  readonly further: readonly Rrset[]
}

/**
 * What the live tunnel table says in DNS: AAAA of `nicname.country.<origin>`, PTR of the client's address, and what its
 * kind adds, exactly while it has a row with `unreachable >= 0`. Static records of the zone files win: a tunnel is never published over one.
 */
export class TunnelZone {
  readonly names: TunnelNames
  readonly reserved: ReservedNames
  readonly #catalog: Catalog
  readonly #kinds: Kinds
  readonly #ttl: number

  /** Is to be made before the first tunnel is published: see ReservedNames. */
  constructor(options: {
    readonly catalog: Catalog
    readonly names: TunnelNames
    readonly kinds: Kinds
    /** Seconds. */
    readonly ttl: number
  }) {
    this.#catalog = options.catalog
    this.names = options.names
    this.reserved = new ReservedNames(options.catalog, options.names)
    this.#kinds = options.kinds
    this.#ttl = options.ttl
  }

  /** Without the final dot. */
  get reverseApex(): string {
    return this.names.reverseApex
  }

  /** Whether its names can be published at all: its zones are broken otherwise, which is told where they are read. */
  get isServed(): boolean {
    return this.#catalog.apexOf(this.names.forwardApex) !== undefined
  }

  /** Seconds for which a resolver keeps that a name of the forward zone is not there (RFC 2308 5). */
  negativeTtl(): number {
    const soa = this.#catalog.rrset(this.names.forwardApex, TYPE.SOA)
    const rdata = soa?.rdatas[0]
    return soa === undefined || rdata === undefined ? 0 : Math.min(soa.ttl, soaMinimum(rdata))
  }

  isReserved(nicname: string, country: string): boolean {
    return this.reserved.isReserved(nicname, country)
  }

  isCountryReserved(country: string): boolean {
    return this.reserved.isCountryReserved(country)
  }

  /** Whether a tunnel should have names and has none, as static data stands in their place. */
  isHidden(tunnel: Tunnel): boolean {
    const wanted = this.wantedOf(tunnel)
    return wanted !== undefined && this.#isTaken(wanted)
  }

  /** The address of whoever is responsible for the forward zone, as mail programs write it. */
  mailbox(): string {
    const rdata = this.#catalog.rrset(this.names.forwardApex, TYPE.SOA)?.rdatas[0]
    return (rdata && soaMailbox(rdata)) ?? `hostmaster@${this.names.origin}` // RFC 2142 7
  }

  /** The rrsets that stand in DNS for a tunnel; none if it is new or dormant, or if static data stands in its place. */
  rrsetsOf(tunnel: Tunnel): readonly Rrset[] {
    const wanted = this.wantedOf(tunnel)
    if (wanted === undefined) return UNPUBLISHED
    const { forward, reverse, further } = wanted
    return this.#isTaken(wanted) ? UNPUBLISHED : [forward, reverse, ...further]
  }

  /** The same if no static data stands in its place, which is not looked for; undefined: it is new or dormant. */
  wantedOf(tunnel: Tunnel): TunnelRrsets | undefined {
    if (tunnel.unreachable < 0 || tunnel.dormant !== undefined) return undefined
    const forward = this.names.ownerOf(tunnel.nicname, tunnel.country)
    const reverse = this.names.reverseOwnerOf(tunnel.ipv6Client)
    const ttl = this.#ttl
    const further = this.#kinds.byName(tunnel.kind.name)?.rrsetsOf(tunnel, { forward, reverse, ttl }) ?? []
    for (const { owner } of further) {
      if (!isAtOrBelow(owner, 0, forward, 0) && !isAtOrBelow(owner, 0, reverse, 0))
        throw new RangeError(`kind ${tunnel.kind.name} publishes outside the names of its tunnel`)
    }
    return {
      forward: { owner: forward, type: TYPE.AAAA, ttl, rdatas: [tunnel.ipv6Client] },
      reverse: { owner: reverse, type: TYPE.PTR, ttl, rdatas: [forward] },
      further,
    }
  }

  #isTaken({ forward, reverse }: TunnelRrsets): boolean {
    return this.reserved.isTaken(forward.owner) || this.reserved.isTaken(reverse.owner)
  }

  /** What changes in DNS when a tunnel's row goes from `before` to `after` (undefined: no row). */
  changesOf(before: Tunnel | undefined, after: Tunnel | undefined): readonly RrsetChange[] {
    const old = before === undefined ? UNPUBLISHED : this.rrsetsOf(before)
    const now = after === undefined ? UNPUBLISHED : this.rrsetsOf(after)
    if (old.length === 0) return now.map(put)
    return [...old.map(removal), ...now.map(put)]
  }
}

export function put(rrset: Rrset): RrsetChange {
  return { kind: 'put', rrset, dynamic: true }
}

export function removal({ owner, type }: Rrset): RrsetChange {
  return { kind: 'remove', owner, type }
}
