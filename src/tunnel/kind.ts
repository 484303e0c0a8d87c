import type { Prefix } from '../address/prefix.ts'
import type { Log } from '../shared/log.ts'
import type { Problem } from '../shared/problem.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { Interfaces, LinkFault } from './interface.ts'
import type { RoutedRange } from './routed-pool.ts'
import type { KindFields, Tunnel } from './tunnel.ts'

/** What a driver is opened with: the configuration of tunnels. */
export interface DriverContext {
  readonly driver: 'sit' | 'dry-run' | 'auto'
  readonly layout: 'shared' | 'per-tunnel'
  readonly devicePrefix: string
  /** The server's end of every tunnel, canonical text. */
  readonly serverIpv4: string
  readonly mtu: number
  readonly prefix: Prefix
  /** Undefined: no further prefix is routed to any tunnel. */
  readonly routed: RoutedRange | undefined
  /** Where the server keeps its keys. */
  readonly dataDir: string
  readonly wireguard: WireguardSettings
  /** Nobody has configured anything: there is no tunnel to be careful of. */
  readonly isDemo: boolean
  /** A kernel has made the tunnels of the table before. */
  readonly hadInterfaces: boolean
  /** To be called before a driver is opened that changes the kernel; resolves with a sentence if another broker does that here. */
  readonly claimKernel: () => Promise<string | undefined>
  readonly log: Log
}

/** The configuration of the kind `wireguard`. */
interface WireguardSettings {
  /** UDP port that all clients send to. */
  readonly port: number
  readonly mtu: number
  readonly program: 'kernel' | 'wireguard-go' | 'auto'
}

/** What of the configuration says how large packets may be. */
interface MtuSettings {
  readonly mtu: number
  readonly wireguard: Pick<WireguardSettings, 'mtu'>
}

/** What a kind builds its further rrsets from. */
interface TunnelOwners {
  /** `nicname.country.<origin>` in wire form. */
  readonly forward: Uint8Array
  /** The owner of the client address's PTR in wire form. */
  readonly reverse: Uint8Array
  /** Seconds. */
  readonly ttl: number
}

/**
 * A kind of tunnel: its fields, its checks, its MTU and its driver, in one folder below `kind/`; its scripts are in a
 * folder of each system, `templates/systems/SYSTEM/KIND`. A further kind is one more value of this type in the registry
 * that the service is composed with.
 */
export interface TunnelKind {
  /** What stands in the row's `kind` column. */
  readonly name: string
  /** The folder of its scripts for clients, below each system's. */
  readonly scripts: string
  /** Whether each tunnel has an IPv4 endpoint of its own, which no other tunnel may have. */
  readonly hasEndpoint: boolean
  /** The fields from the row's `details` column, parsed JSON; undefined: they are not of this kind. */
  readFields(details: unknown): KindFields | undefined
  /** What is wrong with a registration's details that `readFields` does not take, for kinds that ask for some. */
  detailsProblem?(details: unknown): Problem
  /** Checks what a registration gives for this kind's fields: all problems together, none if it may be registered. */
  admit(fields: KindFields): readonly Problem[]
  /** Octets of the largest packet that has room in it: each kind has headers of its own. */
  largestMtu(settings: MtuSettings): number
  /** What stands in DNS beside AAAA and PTR, at the tunnel's two owners or below them. */
  rrsetsOf(tunnel: Tunnel, owners: TunnelOwners): readonly Rrset[]
  /** The driver of the server's ends. Rejects if the configuration asks for one that this machine can't have. */
  openDriver(context: DriverContext): Promise<Interfaces>
  /**
   * Takes away the server's ends that an earlier configuration had, if this kind is offered no more; devices of others
   * stay. Resolves with the faults.
   */
  removeLeftovers?(context: DriverContext): Promise<readonly LinkFault[]>
}

/** The kinds that the service is composed with; the first is what a request without a kind means. */
export class Kinds {
  readonly all: readonly TunnelKind[]
  readonly first: TunnelKind
  readonly #byName: ReadonlyMap<string, TunnelKind>

  constructor(first: TunnelKind, ...others: readonly TunnelKind[]) {
    this.first = first
    this.all = [first, ...others]
    this.#byName = new Map(this.all.map(kind => [kind.name, kind]))
  }

  byName(name: string): TunnelKind | undefined {
    return this.#byName.get(name)
  }
}
