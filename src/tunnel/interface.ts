import { formatIpv6 } from '../address/ipv6.ts'
import { formatPrefix } from '../address/prefix.ts'
import type { Endpoint } from '../shared/endpoint.ts'
import type { Tunnel } from './tunnel.ts'

/** What the kernel has to know of a tunnel, as the lines for its tools say it: addresses in canonical text. */
export interface Link {
  readonly device: string
  readonly ipv4Client: string
  readonly ipv6Client: string
  readonly ipv6Server: string
  /** `2001:db8:8000:100::/56`, routed to the client too. */
  readonly routedPrefix?: string
  /** Octets of the largest packet for the client, if that is less than others have. */
  readonly mtu?: number
  /** See KindFields. */
  readonly publicKey?: string
}

/** Without an endpoint `ipv4Client` is empty. */
export function linkOf(tunnel: Tunnel): Link {
  return {
    device: tunnel.device,
    ipv4Client: tunnel.ipv4Client ?? '',
    ipv6Client: formatIpv6(tunnel.ipv6Client),
    ipv6Server: formatIpv6(tunnel.ipv6Server),
    ...(tunnel.routedPrefix === undefined ? {} : { routedPrefix: formatPrefix(tunnel.routedPrefix) }),
    ...(tunnel.mtu === undefined ? {} : { mtu: tunnel.mtu }),
    ...(tunnel.kind.publicKey === undefined ? {} : { publicKey: tunnel.kind.publicKey }),
  }
}

/** The MTU of a link on a device that takes packets of `most` octets; undefined: it is the device's. */
export function smallerMtu({ mtu }: Pick<Link, 'mtu'>, most: number): number | undefined {
  return mtu !== undefined && mtu < most ? mtu : undefined
}

/** Why the kernel refused one link, in the words of the tool that was asked. */
export interface LinkFault {
  readonly device: string
  readonly reason: string
  /** What is lost is a comfort: every tunnel is safe and works, so that it is told, and nobody is sent elsewhere for it. */
  readonly isMinor?: true
}

/** What a reconciliation had to mend. */
export interface Reconciliation {
  /** Devices that the table has and the kernel lacked or had otherwise, made anew. */
  readonly made: readonly string[]
  /** Devices with our prefix that no tunnel has, removed. */
  readonly removed: readonly string[]
  readonly faults: readonly LinkFault[]
}

/** What has come out of a tunnel and gone into it since its interface was made, in octets. */
export interface Octets {
  readonly received: number
  readonly sent: number
}

/**
 * The server's ends of the tunnels. Every call is safe to repeat: making what is there already and removing what is
 * gone already are successes. A promise resolves with the faults (none: all done) and never rejects for the kernel's
 * sake. Callers make one call at a time.
 */
export interface Interfaces {
  /** What makes the interfaces: a program of the kernel's, or `dry-run`. */
  readonly kind: string
  /** Blackhole route for the whole pool, so that packets for unassigned parts don't loop (RFC 6324); forwarding. */
  prepare(): Promise<readonly LinkFault[]>
  /** Creates each link complete: device, remote, ttl, mtu, address, up. A link that fails half-way is taken back. */
  create(links: readonly Link[]): Promise<readonly LinkFault[]>
  /**
   * Points existing devices to their new `ipv4Client`, or gives them their new `publicKey`, `mtu` or `routedPrefix`; one that a
   * link has no more leads nowhere then.
   */
  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]>
  remove(devices: readonly string[]): Promise<readonly LinkFault[]>
  /** Why tunnels can't be served as they should be, such as a filter that is missing; for whoever asks after our health. */
  trouble?(): string | undefined
  /**
   * Whether all that was made here is known to stand as it was made, without a question to the kernel: it was compared
   * lately, and whoever watches since has heard of no harm. False if nobody knows.
   */
  isSound?(): boolean
  /** Calls `harmed` when somebody else has changed what was made here; returns how to stop that. */
  watch?(harmed: () => void): () => void
  /** Ends what runs for the interfaces in this process or below it; what the kernel has stays. */
  close?(): void
  /** As `close`, for a process that takes over: what runs below this one for the interfaces goes on. */
  leave?(): void
  /** Makes the kernel equal to `wanted`: missing ones made, strays with our device prefix removed, others not touched. */
  reconcile(wanted: readonly Link[]): Promise<Reconciliation>
  /**
   * The devices among these that are not as they should be; none is mended. Undefined: the kernel could not be asked.
   * Absent: only a reconciliation of all can tell.
   */
  amiss?(links: readonly Link[]): Promise<readonly string[] | undefined>
  /**
   * How much has come out of each of these devices since it was made, in packets or octets: a client that filters echoes
   * is heard by what it sends. A device that the kernel says nothing of is left out. Absent: this driver can't see packets.
   */
  signsOfLife?(devices: readonly string[]): Promise<ReadonlyMap<string, number>>
  /**
   * Octets that have passed each of these devices, as the kernel counts them: a counter may begin anew at any time. A
   * device that the kernel says nothing of is left out. Absent: this driver can't see them.
   */
  octets?(devices: readonly string[]): Promise<ReadonlyMap<string, Octets>>
  /**
   * Where the client behind a device had sent from, when the driver last looked for whatever reason. Undefined: it was not
   * heard. Absent: clients of this kind do not roam.
   */
  heardFrom?(device: string): Endpoint | undefined
  /**
   * Listens for the clients of these dormant tunnels and of no others, and returns the devices of those that have sent
   * something since the last call. What they send goes no further. Absent: this driver can't hear whom it has no device for.
   */
  listenFor?(links: readonly Link[]): Promise<ReadonlySet<string>>
}
