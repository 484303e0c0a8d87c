import type { Log } from '../shared/log.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction } from '../store/tunnel-transaction.ts'
import type { NewKey, UnseenKey } from '../store/unseen-key.ts'
import { isSameTarget, wayOf } from '../tunnel/contact.ts'
import { hashKey, matchesHash } from '../tunnel/tunnel-key.ts'

/** Seconds for which what was shown for a new key opens the tunnel, while nobody is known to have seen or used that. */
const UNSEEN_LIFETIME = 600
/** Seconds for which a mailed link works. */
const LINK_LIFETIME = 1800
/** Compared if there is no former key, so that every wrong key takes as long. */
const NO_HASH = new Uint8Array(32)

/**
 * What was shown for a new key: the key before or a session of it, the token of a mailed link, or nothing that it makes
 * void.
 */
export type ShownForKey = 'key' | { readonly link: string } | undefined

interface OwnKey {
  /** In seconds of the steady clock. */
  readonly until: number
  /** Of a key that was seen: what was shown for it is void at once, whenever the table hears of it. */
  readonly seenHash?: Uint8Array
}

/**
 * What opens a tunnel beside its key: the key before, until the new one was seen or used, and mailed links. A reply can be
 * lost with the process or the line, and a key is nowhere but in its reply: then what was shown for it leads to another.
 */
export class KeyProofs {
  readonly #store: Pick<TunnelStore, 'tunnels' | 'commit'>
  readonly #steady: () => number
  readonly #log: Log
  /** By the ids of tunnels with a new key of this process, the oldest first, until what was shown for it is void anyway. */
  readonly #own = new Map<string, OwnKey>()
  /** Commits under way of what was seen. */
  #writing = 0

  constructor(parts: {
    readonly store: Pick<TunnelStore, 'tunnels' | 'commit'>
    readonly steady: () => number
    readonly log: Log
  }) {
    this.#store = parts.store
    this.#steady = parts.steady
    this.#log = parts.log
    // The first commit moves the ends of what the process before has left; nobody may wait for it.
    if (parts.store.tunnels.proofs.hasUnseenKeys()) this.#write()
  }

  /** A new key as it is written. */
  newKey(key: string, shown: ShownForKey): NewKey {
    const now = this.#steady()
    const made = { keyHash: hashKey(key), now, until: now + UNSEEN_LIFETIME }
    if (shown === undefined) return made
    return { ...made, shown: shown === 'key' ? shown : { linkHash: hashKey(shown.link) } }
  }

  /** To be called in the tick of the commit of a new key. */
  replaced(id: string): void {
    this.#own.delete(id) // to the end
    this.#own.set(id, { until: this.#steady() + UNSEEN_LIFETIME })
    this.#forgetOld()
  }

  /** Whether this is the key before one that nobody is known to have; takes as long if there is none. */
  isFormerKey(id: string, key: string): boolean {
    return matchesHash(key, this.#unseen(id)?.formerHash ?? NO_HASH)
  }

  /** What tells later whether a tunnel has still the key that it has now; of one that is gone there is nothing to tell. */
  sameKey(id: string): () => boolean {
    const { proofs } = this.#store.tunnels
    const before = proofs.keyHash(id)
    return () => {
      const now = proofs.keyHash(id)
      return before === undefined || now === undefined || Buffer.compare(before, now) === 0
    }
  }

  /**
   * To be called in the transaction of a new key, before it: what the key was known to be seen of is written with it, which
   * may have failed when it was seen. What was void then would open the tunnel again.
   */
  noteSeen(id: string, transaction: TunnelTransaction): void {
    const seenHash = this.#own.get(id)?.seenHash
    if (seenHash !== undefined) transaction.noteKeySeen(id, seenHash)
  }

  /** Whether the process before has given a tunnel a key that may have been lost with it. */
  isLeftUnseen(id: string): boolean {
    return !this.#own.has(id) && this.#unseen(id) !== undefined
  }

  /**
   * Notes that a tunnel's key was seen, or used by who has it: what was shown for it is void from now on. False: that was
   * so before, or another key has replaced it.
   */
  seen(id: string, key: string): boolean {
    const { tunnels } = this.#store
    if (tunnels.proofs.unseenKey(id) === undefined) return false
    if (this.#isSeen(id)) {
      if (this.#writing === 0) this.#write() // that failed before
      return false
    }
    if (!tunnels.keyMatches(id, key)) return false // another one has replaced it
    this.#own.set(id, { seenHash: hashKey(key), until: this.#steady() + UNSEEN_LIFETIME })
    this.#write()
    return true
  }

  /**
   * Writes down which keys were seen, where that failed when they were, and with each commit what time it is: a restart
   * gives to all ends the time that nobody noted. Rejects as a commit does.
   */
  writeDown(): Promise<void> {
    return this.#store.commit(transaction => {
      const seen = [...this.#own].filter(([id]) => this.#isSeen(id))
      for (const [id] of seen) this.noteSeen(id, transaction)
      transaction.dropOldProofs(this.#steady())
      const committed = () => {
        for (const [id, own] of seen) if (this.#own.get(id) === own) this.#own.delete(id)
      }
      return { outcome: undefined, changes: [], committed }
    })
  }

  /** Keeps a link that is mailed to `target`. False: the owner reads elsewhere by now. Rejects as a commit does. */
  keepLink(id: string, token: string, target: string): Promise<boolean> {
    const now = this.#steady()
    return this.#store.commit<boolean>(transaction => {
      const mailed = wayOf(transaction.tunnels.contactOf(id), 'email')
      if (mailed === undefined || !isSameTarget('email', mailed.target, target))
        return { outcome: false, changes: [] }
      transaction.dropOldProofs(now)
      transaction.keepLink(id, { tokenHash: hashKey(token), until: now + LINK_LIFETIME })
      return { outcome: true, changes: [] }
    })
  }

  /** The tunnel that a mailed link makes a new key for. */
  linkedTunnel(token: string): string | undefined {
    const { proofs } = this.#store.tunnels
    const tokenHash = hashKey(token)
    const id = proofs.linkedTunnel(tokenHash, this.#steady())
    return id !== undefined && this.#isSeen(id) ? undefined : id
  }

  #unseen(id: string): UnseenKey | undefined {
    if (this.#isSeen(id)) return undefined
    const unseen = this.#store.tunnels.proofs.unseenKey(id)
    return unseen !== undefined && unseen.until >= this.#steady() ? unseen : undefined
  }

  #isSeen(id: string): boolean {
    return this.#own.get(id)?.seenHash !== undefined
  }

  #forgetOld(): void {
    const now = this.#steady()
    for (const [id, { until }] of this.#own) {
      if (until >= now) return
      this.#own.delete(id)
    }
  }

  #write(): void {
    this.#writing++
    this.writeDown()
      .catch(error => this.#log.warn({ err: error }, 'the table does not know yet which new keys were seen'))
      .finally(() => this.#writing--)
  }
}
