import type { Occasion } from '../store/notice.ts'

/** A notice in words, on its way to one reader. */
export interface Letter {
  readonly to: string
  readonly occasion: Occasion
  readonly subject: string
  readonly text: string
  /** What the reader opens to do something about it. */
  readonly page: string
  /** The same whenever it is sent, so that a second copy can be told from a second notice. */
  readonly reference: string
}

export type Handover =
  | { readonly kind: 'taken' }
  /** It will not be taken later either. */
  | { readonly kind: 'refused'; readonly reason: string }
  /**
   * It may be taken later. `isDown`: nor will another one now. `isAstray`: the target leads elsewhere, for now or since its
   * owner gave it: nobody was told, and the owner may have to give another.
   */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly isDown: boolean
      readonly isAstray?: true
    }

/** Hands letters over, by mail or otherwise: one try a call, which never rejects and ends within eleven minutes. */
export interface Carrier {
  carry(letter: Letter): Promise<Handover>
  close(): void
}
