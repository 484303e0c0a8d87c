import { REFUSAL, refused, storageProblem } from '../lifecycle/refusal.ts'
import { problem } from '../shared/problem.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Work } from '../store/tunnel-transaction.ts'
import {
  type Invitation,
  type InvitationState,
  newInvitationCode,
  stateOfInvitation,
} from '../tunnel/invitation.ts'
import { hashKey } from '../tunnel/tunnel-key.ts'
import type { Outcome } from './outcome.ts'

export interface NewInvitation {
  readonly uses: number
  /** Seconds from now; undefined: it does not end. */
  readonly seconds: number | undefined
  readonly note: string
}

/** How many ids are tried: one of a billion is hardly ever taken. */
const ID_ATTEMPTS = 10

/** Codes that the operator gives out, each for a number of registrations. A code is shown once; its hash is kept. */
export class Invitations {
  readonly #store: TunnelStore
  readonly #now: () => number

  /** `now`: UTC seconds. */
  constructor(store: TunnelStore, now: () => number) {
    this.#store = store
    this.#now = now
  }

  async add({ uses, seconds, note }: NewInvitation): Promise<Outcome<InvitationReport & { code: string }>> {
    const created = this.#now()
    const expires = seconds === undefined ? undefined : created + seconds
    for (let attempt = 0; attempt < ID_ATTEMPTS; attempt++) {
      const { id, code } = newInvitationCode()
      const invitation = { id, uses, used: 0, expires, created, note: note.trim() }
      const added = await this.#write(transaction => ({
        outcome: transaction.invitations.add(invitation, hashKey(code)),
        changes: [],
      }))
      if (added.kind === 'refused') return added
      if (added.value) return { kind: 'done', value: { ...this.#report(invitation), code } }
    }
    return refused(REFUSAL.poolFull())
  }

  /** At most `limit` with ids after `after`, in order of id. */
  list(after: string, limit: number): readonly InvitationReport[] {
    return this.#store.invitations.after(after, limit).map(invitation => this.#report(invitation))
  }

  /** Nobody registers with it any more; tunnels that were stay. */
  async revoke(id: string): Promise<Outcome<InvitationReport>> {
    const invitation = this.#store.invitations.byId(id)
    const removal = await this.#write(transaction => ({
      outcome: transaction.invitations.remove(id),
      changes: [],
    }))
    if (removal.kind === 'refused') return removal
    if (!removal.value || invitation === undefined)
      return refused(problem('not-found', { case: 'invitation' }))
    return { kind: 'done', value: this.#report(invitation) }
  }

  async #write<T>(work: Work<T>): Promise<Outcome<T>> {
    try {
      return { kind: 'done', value: await this.#store.commit(work) }
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  #report({ expires, ...invitation }: Invitation): InvitationReport {
    return {
      ...invitation,
      expires: expires ?? null,
      state: stateOfInvitation({ expires, ...invitation }, this.#now()),
    }
  }
}

/** An invitation as commands show it. */
export interface InvitationReport extends Omit<Invitation, 'expires'> {
  readonly state: InvitationState
  readonly expires: number | null
}
