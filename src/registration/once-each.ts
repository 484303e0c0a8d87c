/** Milliseconds for which an outcome is given again. */
const LIFETIME_MS = 600_000
/** Outcomes that are kept in all and for each owner; the oldest goes first. */
const MAX_KEPT = 4096
const MAX_PER_OWNER = 32

interface Kept<Outcome> {
  readonly outcome: Promise<Outcome>
  readonly content: string
  /** On the monotonic clock, in milliseconds. */
  readonly expires: number
}

/** An outcome as another process can take it over. */
export interface KeptOutcome<Outcome> {
  readonly owner: string
  readonly name: string
  readonly content: string
  readonly outcome: Outcome
  readonly left: number
}

/** The same request was sent before with another content: it can be neither joined nor done. */
export const OTHER_CONTENT = Symbol('other content')

/**
 * Does what is asked for several times once: a request that comes again while the first is under way, or within ten
 * minutes after, gets the first one’s outcome, as long as that is worth keeping: after a refusal it is tried again.
 */
export class OnceEach<Outcome> {
  /** By owner and then by name, the oldest first. */
  readonly #owners = new Map<string, Map<string, Kept<Outcome>>>()
  readonly #isKept: (outcome: Outcome) => boolean
  #size = 0

  /** `isKept`: whether an outcome is still to be given again; asked each time. */
  constructor(isKept: (outcome: Outcome) => boolean) {
    this.#isKept = isKept
  }

  /** `name` tells requests of the owner apart; `content` is what must be the same when a name comes again. */
  async do(
    request: { readonly owner: string; readonly name: string; readonly content?: string },
    work: () => Promise<Outcome>,
  ): Promise<Outcome | typeof OTHER_CONTENT> {
    const { owner, name, content = '' } = request
    const earlier = this.#find(owner, name)
    if (earlier !== undefined) {
      if (earlier.content !== content) return OTHER_CONTENT
      const outcome = await earlier.outcome
      if (this.#owners.get(owner)?.get(name) !== earlier || this.#isKept(outcome)) return outcome
      this.#delete(owner, name)
    }
    return this.#start({ owner, name, content }, work)
  }

  /** The outcomes that are known by now and would be given again, each with the milliseconds that are left to it. */
  async kept(): Promise<readonly KeptOutcome<Outcome>[]> {
    const kept: KeptOutcome<Outcome>[] = []
    for (const [owner, mine] of this.#owners) {
      for (const [name, { outcome, content, expires }] of mine) {
        const known = await Promise.race([outcome, undefined]).catch(() => undefined)
        const left = expires - performance.now()
        if (known !== undefined && left > 0 && this.#isKept(known))
          kept.push({ owner, name, content, outcome: known, left })
      }
    }
    return kept
  }

  /** Takes what `kept` has given. */
  restore(kept: readonly KeptOutcome<Outcome>[]): void {
    for (const { owner, name, content, outcome, left } of kept)
      this.#keep(owner, name, {
        outcome: Promise.resolve(outcome),
        content,
        expires: performance.now() + left,
      })
  }

  async #start(
    { owner, name, content }: { readonly owner: string; readonly name: string; readonly content: string },
    work: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const kept = { outcome: work(), content, expires: performance.now() + LIFETIME_MS }
    this.#keep(owner, name, kept)
    try {
      const outcome = await kept.outcome
      if (!this.#isKept(outcome)) this.#deleteIf(owner, name, kept)
      return outcome
    } catch (error) {
      this.#deleteIf(owner, name, kept)
      throw error
    }
  }

  #find(owner: string, name: string): Kept<Outcome> | undefined {
    const kept = this.#owners.get(owner)?.get(name)
    if (kept === undefined || kept.expires >= performance.now()) return kept
    this.#delete(owner, name)
    return undefined
  }

  #keep(owner: string, name: string, kept: Kept<Outcome>): void {
    const mine = this.#owners.get(owner) ?? new Map<string, Kept<Outcome>>()
    // The owner heard last comes last, so that the first has the oldest.
    this.#owners.delete(owner)
    this.#owners.set(owner, mine)
    mine.set(name, kept)
    this.#size++
    if (mine.size > MAX_PER_OWNER) this.#deleteOldest(owner)
    if (this.#size > MAX_KEPT) this.#deleteOldest(this.#owners.keys().next().value ?? owner)
  }

  #deleteOldest(owner: string): void {
    const [name] = this.#owners.get(owner)?.keys() ?? []
    if (name !== undefined) this.#delete(owner, name)
  }

  #deleteIf(owner: string, name: string, kept: Kept<Outcome>): void {
    if (this.#owners.get(owner)?.get(name) === kept) this.#delete(owner, name)
  }

  #delete(owner: string, name: string): void {
    const mine = this.#owners.get(owner)
    if (mine?.delete(name) !== true) return
    this.#size--
    if (mine.size === 0) this.#owners.delete(owner)
  }
}
