import { randomLetters } from './tunnel-key.ts'

const ID_LENGTH = 6
const SECRET_LENGTH = 12 // 59 bits: with the few guesses that a visitor has, no one comes across one
const GROUP = /.{4}/g

/** What somebody may register with, as the operator gave it out; its code is known by its hash alone. */
export interface Invitation {
  readonly id: string
  /** Tunnels that may be registered with it, and those that were. */
  readonly uses: number
  readonly used: number
  /** UTC seconds; undefined: it does not end. */
  readonly expires: number | undefined
  readonly created: number
  readonly note: string
}

export type InvitationState = 'open' | 'used-up' | 'expired'

export function stateOfInvitation({ uses, used, expires }: Invitation, now: number): InvitationState {
  if (used >= uses) return 'used-up'
  return expires !== undefined && expires <= now ? 'expired' : 'open'
}

/** A new code and the id that it begins with, such as `k7mw2p-4h8n-2x9q-rt5c`. It is shown once and never stored. */
export function newInvitationCode(): { readonly id: string; readonly code: string } {
  const id = randomLetters(ID_LENGTH)
  const secret = randomLetters(SECRET_LENGTH)
  return { id, code: [id, ...(secret.match(GROUP) ?? [])].join('-') }
}

/**
 * Reads a code as somebody types it: in any case, with or without hyphens and blanks. Gives it in the form that is
 * hashed; undefined: it looks like none.
 */
export function readInvitationCode(
  typed: string,
): { readonly id: string; readonly code: string } | undefined {
  const letters = typed.toLowerCase().replace(/[\s-]/g, '')
  if (letters.length !== ID_LENGTH + SECRET_LENGTH || !/^[a-z0-9]+$/.test(letters)) return undefined
  const id = letters.slice(0, ID_LENGTH)
  return { id, code: [id, ...(letters.slice(ID_LENGTH).match(GROUP) ?? [])].join('-') }
}
