import type { Rrset } from './rrset.ts'
import { SnapshotExpired } from './table-fault.ts'
import type { Version } from './version.ts'

/**
 * A version of the table that stays as it is across turns of the event loop, whatever is committed meanwhile. Release
 * it soon: until then the memory of all that newer versions have replaced is kept. Reads throw SnapshotExpired once it
 * is released, by its holder or because it grew too old.
 */
export class Snapshot {
  readonly generation: number
  readonly #onRelease: (snapshot: Snapshot) => void
  #version: Version | undefined

  constructor(version: Version, generation: number, onRelease: (snapshot: Snapshot) => void) {
    this.#version = version
    this.generation = generation
    this.#onRelease = onRelease
  }

  /** See `Version.walk`. */
  walk(apex: Uint8Array, after: Uint8Array | undefined, limit: number): readonly Rrset[] {
    return this.#held().walk(apex, after, limit)
  }

  /** Exactly this owner and type: no wildcard, no chase. */
  rrset(owner: Uint8Array, type: number): Rrset | undefined {
    return this.#held().rrset(owner, type)
  }

  /** Lets the version go; the next publication reclaims its memory. Twice is as good as once. */
  release(): void {
    if (this.#version === undefined) return
    this.#version = undefined
    this.#onRelease(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  #held(): Version {
    if (this.#version === undefined) throw new SnapshotExpired()
    return this.#version
  }
}
