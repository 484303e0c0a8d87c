import type { Notice } from '../store/notice.ts'
import type { TunnelStore, TunnelTransaction } from '../store/tunnel-store.ts'
import type { Contact, Way, WayName } from '../tunnel/contact.ts'

/** Where owners are told, and the notices to them: each method is a commit, and rejects as one does. */
export class Contacts {
  readonly #store: TunnelStore
  readonly #steady: () => number

  constructor(parts: {
    readonly store: TunnelStore
    /** Seconds of the steady clock. */
    readonly steady: () => number
  }) {
    this.#store = parts.store
    this.#steady = parts.steady
  }

  set(id: string, contact: Contact | undefined, asking: readonly WayName[]): Promise<void> {
    return this.#do(transaction => {
      transaction.setContact(id, contact)
      for (const way of asking) transaction.ask(id, 'confirm', way)
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

  warnOfEnd(id: string): Promise<void> {
    return this.#do(transaction => {
      const since = transaction.tunnels.dormant.byId(id)?.dormant.since
      const contact = transaction.tunnels.contactOf(id)
      if (since === undefined || contact === undefined || contact.warnedOf === since) return
      transaction.setContact(id, { ...contact, warnedOf: since })
      transaction.notify(id, 'ending', since)
    })
  }

  dropNotice(number: number): Promise<void> {
    return this.#do(transaction => transaction.dropNotice(number))
  }

  postponeNotice(notice: Pick<Notice, 'number'>, seconds: number): Promise<void> {
    return this.#do(transaction => transaction.postponeNotice(notice, this.#steady() + seconds))
  }

  #do<Outcome>(write: (transaction: TunnelTransaction) => Outcome): Promise<Outcome> {
    return this.#store.commit(transaction => ({ outcome: write(transaction), changes: [] }))
  }
}
