/** How many members a crowd has room for, in all and of one address. */
export interface CrowdLimits {
  readonly total: number
  readonly anAddress: number
}

/** Connections with whose they are, in the order of their last use, the longest ago first. */
export class Crowd<Member> {
  readonly #limits: CrowdLimits
  readonly #addresses = new Map<Member, string>()
  readonly #byAddress = new Map<string, Set<Member>>()

  constructor(limits: CrowdLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#addresses.size
  }

  members(): Iterable<Member> {
    return this.#addresses.keys()
  }

  /** Who must go before one more of this address is added; undefined: there is room. */
  inTheWayOf(address: string): Member | undefined {
    const siblings = this.#byAddress.get(address)
    if (siblings !== undefined && siblings.size >= this.#limits.anAddress)
      return siblings.values().next().value
    return this.size >= this.#limits.total ? this.#addresses.keys().next().value : undefined
  }

  add(member: Member, address: string): void {
    this.#addresses.set(member, address)
    const siblings = this.#byAddress.get(address) ?? new Set()
    this.#byAddress.set(address, siblings.add(member))
  }

  forget(member: Member): void {
    const address = this.#addresses.get(member)
    if (address === undefined) return
    this.#addresses.delete(member)
    const siblings = this.#byAddress.get(address)
    siblings?.delete(member)
    if (siblings?.size === 0) this.#byAddress.delete(address)
  }

  /** The member is of use: all others go before it. */
  noteUse(member: Member): void {
    const address = this.#addresses.get(member)
    if (address === undefined) return
    this.forget(member)
    this.add(member, address)
  }
}
