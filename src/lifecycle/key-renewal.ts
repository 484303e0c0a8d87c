import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { newKey } from '../tunnel/tunnel-key.ts'
import { tunnelById } from './find-tunnel.ts'
import type { KeyProofs, ShownForKey } from './key-proofs.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'

export type KeyRenewal = { readonly kind: 'renewed'; readonly tunnel: Tunnel; readonly key: string } | Refusal

/** A new key for a tunnel, a dormant one too: the old one opens nothing once the new one was seen, unless that is lost. */
export class KeyRenewals {
  readonly #store: TunnelStore
  readonly #proofs: KeyProofs
  readonly #log: Log
  readonly #onReplaced: (id: string) => void

  /** `onReplaced` is called in the tick of the commit. */
  constructor(parts: {
    readonly store: TunnelStore
    readonly proofs: KeyProofs
    readonly log: Log
    readonly onReplaced: (id: string) => void
  }) {
    this.#store = parts.store
    this.#proofs = parts.proofs
    this.#log = parts.log
    this.#onReplaced = parts.onReplaced
  }

  async renew(id: string, shown: ShownForKey): Promise<KeyRenewal> {
    const key = newKey()
    const made = this.#proofs.newKey(key, shown)
    try {
      return await this.#store.commit<KeyRenewal>(transaction => {
        const { tunnels } = transaction
        const tunnel = tunnelById(tunnels, id)
        if (tunnel === undefined || !transaction.replaceKey(id, made))
          return { outcome: refused(REFUSAL.noTunnel()), changes: [] }
        const committed = () => {
          this.#onReplaced(id)
          this.#log.info({ tunnel: id }, 'tunnel has a new key')
        }
        return { outcome: { kind: 'renewed', tunnel, key }, changes: [], committed }
      })
    } catch (error) {
      return refused(storageProblem(error))
    }
  }
}
