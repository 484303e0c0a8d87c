import type { Log } from '../shared/log.ts'
import { type Problem, problem } from '../shared/problem.ts'
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
  readonly #now: () => number
  readonly #onReplaced: (id: string) => void

  /** `onReplaced` is called in the tick of the commit. */
  constructor(parts: {
    readonly store: TunnelStore
    readonly proofs: KeyProofs
    readonly log: Log
    /** UTC seconds. */
    readonly now: () => number
    readonly onReplaced: (id: string) => void
  }) {
    this.#store = parts.store
    this.#proofs = parts.proofs
    this.#log = parts.log
    this.#now = parts.now
    this.#onReplaced = parts.onReplaced
  }

  /** Refused too if the tunnel got another key meanwhile: what was shown opens nothing by then, or waits for that. */
  async renew(id: string, shown: ShownForKey): Promise<KeyRenewal> {
    const key = newKey()
    const made = this.#proofs.newKey(key, shown)
    const hasSameKey = this.#proofs.sameKey(id)
    try {
      return await this.#store.commit<KeyRenewal>(transaction => {
        const { tunnels } = transaction
        const tunnel = tunnelById(tunnels, id)
        if (shown !== undefined && !hasSameKey()) return { outcome: refused(overtaken(shown)), changes: [] }
        this.#proofs.noteSeen(id, transaction)
        if (tunnel === undefined || !transaction.replaceKey(id, made))
          return { outcome: refused(REFUSAL.noTunnel()), changes: [] }
        transaction.notify(id, 'renewed', this.#now())
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

function overtaken(shown: NonNullable<ShownForKey>): Problem {
  return shown === 'key' ? problem('unauthorized', { case: 'wrong-key' }) : problem('link-expired', {})
}
