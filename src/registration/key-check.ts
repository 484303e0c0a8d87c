import { findTunnel } from '../lifecycle/find-tunnel.ts'
import type { TunnelReader } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { VisitorLimits } from './limits.ts'
import type { VisitorAddress } from './visitor.ts'

/** The one way to a tunnel by its key, for the page, the API and the update protocol alike. */
export class KeyCheck {
  readonly #table: TunnelReader
  readonly #limits: VisitorLimits
  readonly #origin: string

  constructor(options: {
    readonly table: TunnelReader
    readonly limits: VisitorLimits
    /** Without the final dot. */
    readonly origin: string
  }) {
    this.#table = options.table
    this.#limits = options.limits
    this.#origin = options.origin
  }

  /**
   * The tunnel that the key opens. Undefined for an unknown tunnel and a wrong key alike, after the same work. Throws
   * Refused where too many wrong keys came from the visitor.
   */
  async open(tunnel: Tunnel | undefined, key: string, visitor: VisitorAddress): Promise<Tunnel | undefined> {
    await this.#limits.refuseGuessers(visitor)
    if (this.#table.keyMatches(tunnel?.id ?? '', key)) return tunnel
    await this.#limits.countWrongKey(visitor)
    return undefined
  }

  /** The tunnel that a person means: by id, by `nicname.country`, or by the full name. */
  find(reference: string): Tunnel | undefined {
    return findTunnel(this.#table, this.#origin, reference)
  }
}
