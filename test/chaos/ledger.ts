/**
 * What we know of a name: 'there' and 'gone' were acknowledged, 'denied' was refused with the word that nothing was
 * changed; of 'unsure' we have no answer, or a change is under way.
 */
export type Standing = 'there' | 'gone' | 'denied' | 'unsure'

/** A tunnel as its owner knows it. */
export interface Tunnel {
  readonly id: string
  readonly key: string
  readonly ipv6: string
}

export class Entry {
  readonly name: string
  standing: Standing = 'unsure'
  /** Counts changes: what was asked before one and answered after it proves nothing. */
  version = 0
  tunnel: Tunnel | undefined
  /** Every IPv4 endpoint that it may have: one, or those of moves whose outcome is not known. */
  endpoints: readonly string[]
  /** A move of it was not answered. */
  isLoose = false
  /** The state that the registration's answer gave: a 'new' tunnel's name comes later. */
  isNew = false
  /** A writer is at work on it. */
  isTaken = true

  constructor(name: string, endpoint: string) {
    this.name = name
    this.endpoints = [endpoint]
  }

  becomes(standing: Standing): void {
    this.standing = standing
    this.version++
  }
}

/** Everything that was asked of the broker, and what it has acknowledged. Survives all that befalls the broker. */
export class Ledger {
  readonly #entries: Entry[] = []

  get entries(): readonly Entry[] {
    return this.#entries
  }

  /** A registration is about to be sent. Names and endpoints are never used twice. */
  open(name: string, endpoint: string): Entry {
    const entry = new Entry(name, endpoint)
    this.#entries.push(entry)
    return entry
  }

  with(standing: Standing): readonly Entry[] {
    return this.#entries.filter(entry => entry.standing === standing)
  }

  /** Those that a writer may work on. */
  free(): readonly (Entry & { readonly tunnel: Tunnel })[] {
    return this.#entries.filter(
      (entry): entry is Entry & { readonly tunnel: Tunnel } =>
        entry.standing === 'there' && !entry.isTaken && entry.tunnel !== undefined,
    )
  }
}
