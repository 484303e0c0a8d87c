import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { Tunnel, UnofferedRow } from '../tunnel/tunnel.ts'
import { matchesHash } from '../tunnel/tunnel-key.ts'

/** Milliseconds for which a tunnel that its owner has deleted is still known to its key and to who was signed in to it. */
const LIFETIME_MS = 600_000
/** The oldest are dropped beyond this. */
const MAX_KEPT = 4096

interface Deleted {
  readonly tunnel: Tunnel | UnofferedRow
  readonly keyHash: Uint8Array
  readonly expires: number
}

/**
 * Tunnels that were just deleted by their owners: a second click, or a second try after a reply that was lost, is told
 * what became of the tunnel, and not that its key is wrong.
 */
export class DeletedTunnels {
  readonly #byId = new Map<string, Deleted>()
  readonly #proofs: TunnelReader['proofs']

  constructor(table: Pick<TunnelReader, 'proofs'>) {
    this.#proofs = table.proofs
  }

  /** To be called while the tunnel is there: returns what notes that it is gone. */
  begin(tunnel: Tunnel | UnofferedRow): () => void {
    const keyHash = this.#proofs.keyHash(tunnel.id)
    return () => {
      if (keyHash === undefined || this.#byId.has(tunnel.id)) return
      this.#byId.set(tunnel.id, { tunnel, keyHash, expires: performance.now() + LIFETIME_MS })
      this.#clearFront()
    }
  }

  /** The tunnel as it was. */
  find(id: string): Tunnel | UnofferedRow | undefined {
    return this.#find(id)?.tunnel
  }

  /** Whether a key was that of a tunnel which is gone. */
  wasOpenedBy(id: string, key: string): boolean {
    const deleted = this.#find(id)
    return deleted !== undefined && matchesHash(key, deleted.keyHash)
  }

  #find(id: string): Deleted | undefined {
    const deleted = this.#byId.get(id)
    return deleted !== undefined && deleted.expires >= performance.now() ? deleted : undefined
  }

  #clearFront(): void {
    for (const [id, { expires }] of this.#byId) {
      if (this.#byId.size <= MAX_KEPT && expires >= performance.now()) return
      this.#byId.delete(id)
    }
  }
}
