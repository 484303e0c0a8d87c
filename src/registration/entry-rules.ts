import { addressOctets, type Prefix, prefixContains } from '../address/prefix.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { InvitationReader } from '../store/invitations.ts'
import { readInvitationCode, stateOfInvitation } from '../tunnel/invitation.ts'
import { matchesPattern } from './nicname-pattern.ts'

/** Whom the operator lets in; changed by a reload. */
export interface Entry {
  /** Whether whoever registers needs an invitation. */
  readonly invitations: 'off' | 'required'
  /** Addresses that nobody may register from, or for. */
  readonly blockedPrefixes: readonly Prefix[]
  /** In lower case, with `*` for any part. */
  readonly blockedNicnames: readonly string[]
}

/** The id of an invitation that is open, or what is wrong; neither: none is asked for. */
export interface InvitationFindings {
  readonly invitation?: string
  readonly problem?: Problem
}

/** The operator's guard at the door: who may register at all, and under which names. It holds for visitors alone. */
export class EntryRules {
  readonly #invitations: InvitationReader
  readonly #now: () => number
  #entry: Entry

  /** `now`: UTC seconds. */
  constructor(entry: Entry, parts: { readonly invitations: InvitationReader; readonly now: () => number }) {
    this.#entry = entry
    this.#invitations = parts.invitations
    this.#now = parts.now
  }

  change(entry: Entry): void {
    this.#entry = entry
  }

  get areInvitationsRequired(): boolean {
    return this.#entry.invitations === 'required'
  }

  /** Whether the address is of a blocked prefix; a text that is no address is of none. */
  isBlocked(address: string): boolean {
    const octets = addressOctets(address)
    return octets !== undefined && this.#entry.blockedPrefixes.some(prefix => prefixContains(prefix, octets))
  }

  /** Whether a nicname, in lower case, is blocked. */
  isNicnameBlocked(nicname: string): boolean {
    return this.#entry.blockedNicnames.some(pattern => matchesPattern(pattern, nicname))
  }

  /** Looks whether a code, as typed, is one that can be registered with now; the registration itself uses it up. */
  checkInvitation(typed: string): InvitationFindings {
    if (!this.areInvitationsRequired) return {}
    if (typed.trim() === '') return { problem: problem('invitation-required', {}) }
    const given = readInvitationCode(typed)
    const isRight = given !== undefined && this.#invitations.codeMatches(given.id, given.code)
    const invitation = isRight ? this.#invitations.byId(given.id) : undefined
    if (invitation === undefined) return { problem: problem('invitation-unknown', { case: 'unknown' }) }
    const state = stateOfInvitation(invitation, this.#now())
    return state === 'open' ? { invitation: invitation.id } : { problem: problem(`invitation-${state}`, {}) }
  }
}
