/** What the tests know of somebody else's nameserver that follows our zones. */
import type { Endpoint } from '../../src/shared/endpoint.ts'

/** What a secondary follows. */
export interface Followed {
  readonly primary: Endpoint
  /** With the final dot. */
  readonly zones: readonly string[]
  /** Where the primary takes TLS (RFC 9103); named alone can, as knotd 3.2 does not. */
  readonly tlsPort?: number
  /** File of the certificate that the primary must show there; without it any will do. */
  readonly certificate?: string
  /** The catalog zone that names the others, without the final dot. */
  readonly catalog?: string
  /** Base64. */
  readonly secret: string
  readonly keyName: string
}

/** Where a secondary listens, and the directory that is its own. */
export interface Place {
  readonly address: string
  readonly port: number
  readonly directory: string
}

export interface SecondaryKind {
  /** Where it listens and transfers from: one address each, so that logs tell them apart. */
  readonly address: string
  readonly command: (config: string) => readonly [string, ...string[]]
  readonly config: (followed: Followed, place: Place) => string
  /** Makes in its directory what it must find there; it is called before each start. */
  readonly prepare?: (followed: Followed, place: Place) => void
  /** Lines of its log that stand for a transfer of each kind, if it tells them apart. */
  readonly full?: RegExp
  readonly incremental?: RegExp
  /**
   * Lines of its log that stand for a transfer that it gave up for a reason of its own. It then waits for the next NOTIFY
   * or the refresh of the SOA, as long as that may be.
   */
  readonly ownFault?: RegExp
  /** It signs nothing: what it may have is said by its address. */
  readonly isUnsigned?: true
  /** It gives its zones to nobody: they are read from the files that it writes. */
  readonly zoneFile?: (zone: string, directory: string) => string
}
