import { findBroken, findTunnel } from '../lifecycle/find-tunnel.ts'
import type { KeyProofs } from '../lifecycle/key-proofs.ts'
import { REFUSAL, type Refusal, refused } from '../lifecycle/refusal.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { type BrokenRow, isUnoffered, type Tunnel, type UnofferedRow } from '../tunnel/tunnel.ts'
import { lowerCaseAscii } from './ascii.ts'
import type { VisitorLimits } from './limits.ts'
import type { VisitorAddress } from './visitor.ts'

/** What a key opens. `wrong`: an unknown tunnel and a wrong key alike. */
export type Opening =
  /** `isFormer`: a new key was asked for, and was not yet seen. */
  | { readonly kind: 'open'; readonly tunnel: Tunnel; readonly isFormer: boolean }
  | { readonly kind: 'wrong' }
  /** `unoffered`: the key is right, and opens no more than the deletion of this row. */
  | (Refusal & { readonly unoffered?: UnofferedRow })

/** The one way to a tunnel by its key, for the page, the API and the update protocol alike. */
export class KeyCheck {
  readonly #table: TunnelReader
  readonly #proofs: KeyProofs
  readonly #limits: VisitorLimits
  readonly #origin: string

  constructor(options: {
    readonly table: TunnelReader
    readonly proofs: KeyProofs
    readonly limits: VisitorLimits
    /** Without the final dot. */
    readonly origin: string
  }) {
    this.#table = options.table
    this.#proofs = options.proofs
    this.#limits = options.limits
    this.#origin = options.origin
  }

  /**
   * Opens a tunnel with its key, or the one before until that was seen, after the same work for an unknown one; refused
   * after too many wrong keys, and if the key is right and the row is broken: that passes, and nobody may take the key for
   * void.
   */
  async open(tunnel: Tunnel | BrokenRow | undefined, key: string, visitor: VisitorAddress): Promise<Opening> {
    const tooMany = this.#limits.takeWrongKey(visitor)
    if (tooMany !== undefined) return refused(tooMany)
    const id = tunnel?.id ?? ''
    const matches = this.#table.keyMatches(id, key)
    const isFormer = this.#proofs.isFormerKey(id, key)
    if (!(matches || isFormer) || tunnel === undefined) return { kind: 'wrong' }
    if (matches) this.#proofs.seen(id, key)
    this.#limits.giveWrongKeyBack(visitor)
    if ('reason' in tunnel) {
      const refusal = refused(REFUSAL.broken(tunnel))
      return matches && isUnoffered(tunnel) ? { ...refusal, unoffered: tunnel } : refusal
    }
    return { kind: 'open', tunnel, isFormer }
  }

  /** The tunnel that a person means: by id, by `nicname.country`, or by the full name, in letters of either case. */
  find(reference: string): Tunnel | BrokenRow | undefined {
    const meant = lowerCaseAscii(reference)
    return findTunnel(this.#table, this.#origin, meant) ?? findBroken(this.#table, this.#origin, meant)
  }
}
