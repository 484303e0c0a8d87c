import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction } from '../store/tunnel-transaction.ts'
import { type Contact, isSameTarget, type Way, type WayName, wayOf } from '../tunnel/contact.ts'
import { tunnelById } from './find-tunnel.ts'

/** Where an owner is told, and the ways by which is asked first whether that may be. */
export interface ContactWritten {
  readonly contact: Contact | undefined
  readonly asking: readonly WayName[]
  /** Whoever reads at a way has said so: nobody there need be told that it has gone. */
  readonly isReaders?: boolean
}

/** Where owners are told: each method is a commit, and rejects as one does. */
export class Contacts {
  readonly #store: TunnelStore

  constructor({ store }: { readonly store: TunnelStore }) {
    this.#store = store
  }

  /** `read` is called in the transaction: what the tunnel has may have changed since somebody looked. False: it is gone. */
  set(id: string, read: () => ContactWritten): Promise<boolean> {
    return this.#do(transaction => {
      if (tunnelById(transaction.tunnels, id) === undefined) return false
      const before = transaction.tunnels.contactOf(id)
      const { contact, asking, isReaders = false } = read()
      if (!isReaders) for (const way of partedWays(before, contact)) transaction.part(id, way)
      transaction.setContact(id, contact)
      // They are in the letters of another reader.
      if (mailedTo(contact) !== mailedTo(before)) transaction.dropLinks(id)
      for (const way of asking) transaction.ask(id, 'confirm', way)
      return true
    })
  }

  /** False: the owner has taken the target away, or another one. */
  confirm(id: string, { kind, target }: Pick<Way, 'kind' | 'target'>): Promise<boolean> {
    return this.#do(transaction => {
      const contact = transaction.tunnels.contactOf(id)
      const isMeant = (way: Way) => way.kind === kind && way.target === target
      if (contact === undefined || !contact.ways.some(isMeant)) return false
      const ways = contact.ways.map(way => (isMeant(way) ? { ...way, isConfirmed: true } : way))
      transaction.setContact(id, { ...contact, ways })
      return true
    })
  }

  sendRecovery(id: string): Promise<void> {
    return this.#do(transaction => transaction.ask(id, 'recover', 'email'))
  }

  #do<Outcome>(write: (transaction: TunnelTransaction) => Outcome): Promise<Outcome> {
    return this.#store.commit(transaction => ({ outcome: write(transaction), changes: [] }))
  }
}

/** Ways whose readers have said yes and hear nothing more: somebody who has only stolen the key would want just that. */
function partedWays(before: Contact | undefined, after: Contact | undefined): readonly WayName[] {
  const ways = before?.ways ?? []
  return ways.flatMap(({ kind, target, isConfirmed }) => {
    const stays =
      after?.ways.some(way => way.kind === kind && isSameTarget(kind, way.target, target)) ?? false
    return isConfirmed && !stays ? [kind] : []
  })
}

function mailedTo(contact: Contact | undefined): string | undefined {
  return wayOf(contact, 'email')?.target.toLowerCase()
}
