/** `-1` in the draft's `unreachable` column: registered, its interface is still to be made. */
export const NEW = -1

export type TunnelState = 'new' | 'active' | 'unreachable'

/** One row of the draft's database, with our columns beside it. Addresses are in their canonical text form. */
export interface Tunnel {
  /** 12 letters and digits, random: says nothing about how many tunnels there are. */
  readonly id: string
  readonly ipv4Client: string
  /** Without a prefix length; the link is a /64. */
  readonly ipv6Client: string
  readonly ipv6Server: string
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
}

/** What of a tunnel shows in DNS. */
export type PublishedColumns = Pick<Tunnel, 'ipv6Client' | 'nicname' | 'country' | 'unreachable'>

export function stateOf(tunnel: Pick<Tunnel, 'unreachable'>): TunnelState {
  if (tunnel.unreachable === NEW) return 'new'
  return tunnel.unreachable === 0 ? 'active' : 'unreachable'
}

/** The tunnel's name below the origin, without the final dot: `nicname.country.<origin>`. */
export function nameOf(tunnel: Pick<Tunnel, 'nicname' | 'country'>, origin: string): string {
  return `${tunnel.nicname}.${tunnel.country}.${origin}`
}
