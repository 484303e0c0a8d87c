import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { isUnoffered, type Tunnel, type UnofferedRow } from '../tunnel/tunnel.ts'
import { matchesHash } from '../tunnel/tunnel-key.ts'

/**
 * Tunnels that were just deleted by their owners: a second click, or a second try after a reply that was lost, with the
 * process too, is told what became of the tunnel, and not that its key is wrong.
 */
export class DeletedTunnels {
  readonly #lifecycle: Pick<Lifecycle, 'deleted'>

  constructor(lifecycle: Pick<Lifecycle, 'deleted'>) {
    this.#lifecycle = lifecycle
  }

  /** The tunnel as it was; none that the configuration has no room for any more. */
  find(id: string): Tunnel | UnofferedRow | undefined {
    const row = this.#lifecycle.deleted(id)?.row
    return row === undefined || !('reason' in row) || isUnoffered(row) ? row : undefined
  }

  /** Whether a key was that of a tunnel which is gone. */
  wasOpenedBy(id: string, key: string): boolean {
    const deleted = this.#lifecycle.deleted(id)
    return deleted !== undefined && matchesHash(key, deleted.keyHash)
  }
}
