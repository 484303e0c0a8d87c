import type { WayName } from '../tunnel/contact.ts'

/** The oldest are forgotten beyond this. */
const MOST = 10_000

/**
 * Where owners wanted to be told, and the other side refused the last notice for good, or led it elsewhere: an address with
 * a typing mistake, a mailbox that is gone, a URL that has moved. Forgotten with the process.
 */
export class RefusedTargets {
  /** The longest ago first. */
  readonly #targets = new Set<string>()

  /** What became of a notice there. */
  note(way: WayName, target: string, isRefused: boolean): void {
    this.#targets.delete(keyOf(way, target))
    if (!isRefused) return
    this.#targets.add(keyOf(way, target))
    for (const oldest of this.#targets) {
      if (this.#targets.size <= MOST) break
      this.#targets.delete(oldest)
    }
  }

  has(way: WayName, target: string): boolean {
    return this.#targets.has(keyOf(way, target))
  }
}

function keyOf(way: WayName, target: string): string {
  return `${way} ${target}`
}
