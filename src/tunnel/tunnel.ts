import { formatIpv6 } from '../address/ipv6.ts'
import { formatPrefix, type Prefix } from '../address/prefix.ts'

/** `-1` in the draft's `unreachable` column: registered, its interface is still to be made. */
export const NEW = -1

/**
 * `new`: its interface is still to be made. `waiting`: it is up and named, and has never been heard. `active`: it
 * answered when it was last asked. `unreachable`: it missed echoes. `dormant`: interface and names are gone, the rest is kept.
 * `suspended`: the same, at the operator's wish and until the operator ends it.
 */
export type TunnelState = 'new' | 'waiting' | 'active' | 'unreachable' | 'dormant' | 'suspended'

/** What a kind of tunnel keeps beyond what all have; each kind extends it, `name` tells them apart. */
export interface KindFields {
  readonly name: string
  /** A key by which the client is known, which no other tunnel may have: 32 octets in base64. */
  readonly publicKey?: string
}

/** One sound row of the draft's database: what tunnels of all kinds have, and the fields of its kind. */
export interface Tunnel {
  /** 12 letters and digits, random: says nothing about how many tunnels there are. */
  readonly id: string
  readonly kind: KindFields
  /** The client's fixed IPv4 endpoint in canonical text; undefined for kinds that have none. */
  readonly ipv4Client: string | undefined
  /** 16 octets, without a prefix length; the link is a /64. */
  readonly ipv6Client: Uint8Array
  readonly ipv6Server: Uint8Array
  /** What is routed to the client for the network behind it; undefined: nothing but the link. */
  readonly routedPrefix?: Prefix | undefined
  /** Octets of the largest packet, if its owner wants less than its kind carries. */
  readonly mtu?: number | undefined
  /** Interface on the server, at most 15 characters. */
  readonly device: string
  /** One lower-case LDH label. */
  readonly nicname: string
  /** ISO 3166-1 alpha-2, lower case. */
  readonly country: string
  readonly os: string
  /** UTC seconds. */
  readonly creationTime: number
  /** −1 new, 0 alive, x > 0: the last x echo requests had no reply. */
  readonly unreachable: number
  /** Until when it may wait for its first sign of life, in seconds of the steady clock; undefined: it does not wait. */
  readonly waitUntil: number | undefined
  /** UTC seconds at which its state began; undefined: nobody has noted it. */
  readonly stateSince: number | undefined
  /** Only for a tunnel that has left the table of tunnels. */
  readonly dormant?: Dormancy
}

/** How long a dormant tunnel is kept. */
export interface Dormancy {
  /** UTC seconds. */
  readonly since: number
  /** Seconds of the steady clock; means nothing for one that is suspended. */
  readonly until: number
  /** Whether the operator has taken it down: nobody else brings it back, and it does not end by itself. */
  readonly isSuspended: boolean
}

export type DormantTunnel = Tunnel & { readonly dormant: Dormancy }

/**
 * A row that we can't use: another program wrote it, or the configuration has become another, or offers its kind no more.
 * It reaches no script, no name and no interface, and is kept as it is.
 */
export interface BrokenRow {
  readonly id: string
  /** What the tunnel would be if the row were sound. */
  readonly state: TunnelState
  readonly reason: string
  /** The row is sound but for its kind, of this name, which the configuration offers no more. */
  readonly unofferedKind?: string
  /** What stands in the row's columns, for a person. */
  readonly columns: Readonly<Record<string, string>>
}

/** A row that is sound but for its kind, which is not offered: its owner can do nothing with the tunnel but delete it. */
export type UnofferedRow = BrokenRow & { readonly unofferedKind: string }

export function isUnoffered(row: Tunnel | BrokenRow): row is UnofferedRow {
  return 'reason' in row && row.unofferedKind !== undefined
}

/** The name that the tunnel of a row has when it is up. */
export function nameOfRow({ columns: { nicname = '', country = '' } }: BrokenRow, origin: string): string {
  return nameOf({ nicname, country }, origin)
}

/** A tunnel as it is shown: its addresses in canonical text (RFC 5952). */
export type TunnelText = Omit<Tunnel, 'ipv6Client' | 'ipv6Server' | 'routedPrefix'> & {
  readonly ipv6Client: string
  readonly ipv6Server: string
  /** Empty: there is none. */
  readonly routedPrefix: string
}

export function tunnelText(tunnel: Tunnel): TunnelText {
  return {
    ...tunnel,
    ipv6Client: formatIpv6(tunnel.ipv6Client),
    ipv6Server: formatIpv6(tunnel.ipv6Server),
    routedPrefix: tunnel.routedPrefix === undefined ? '' : formatPrefix(tunnel.routedPrefix),
  }
}

export function stateOf(tunnel: Pick<Tunnel, 'unreachable' | 'waitUntil' | 'dormant'>): TunnelState {
  if (tunnel.dormant !== undefined) return tunnel.dormant.isSuspended ? 'suspended' : 'dormant'
  if (tunnel.unreachable === NEW) return 'new'
  if (tunnel.waitUntil !== undefined) return 'waiting'
  return tunnel.unreachable === 0 ? 'active' : 'unreachable'
}

/** UTC seconds since when it is in the state that `stateOf` gives; undefined: nobody has noted it. */
export function stateSinceOf({
  dormant,
  stateSince,
}: Pick<Tunnel, 'dormant' | 'stateSince'>): number | undefined {
  return dormant?.since ?? stateSince
}

/** The tunnel's name below the origin, without the final dot: `nicname.country.<origin>`. */
export function nameOf(tunnel: Pick<Tunnel, 'nicname' | 'country'>, origin: string): string {
  return `${tunnel.nicname}.${tunnel.country}.${origin}`
}
