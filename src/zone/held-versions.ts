import { generationsBetween } from './arena.ts'
import { Snapshot } from './snapshot.ts'
import { TooManySnapshots } from './table-fault.ts'
import type { Version } from './version.ts'

/** Enough for a zone transfer to every secondary at once; whoever needs more waits for one to end. */
export const MAX_HELD_VERSIONS = 64
/**
 * Publications that a snapshot outlives, and then is released by force. A commit of one tunnel keeps a kilobyte or so of
 * what it replaced, so a forgotten snapshot costs some 64 MB. A zone that is put anew keeps all of the one before: only
 * the size of the table bounds that, and a change that finds it full has the oldest snapshots released (see `Catalog`).
 * At a hundred commits a second it is eleven minutes.
 */
export const MAX_HELD_GENERATIONS = 65_536

/** The snapshots that the writer's thread has handed out, beside the slots of the readers in other threads. */
export class HeldVersions {
  /** Oldest first. */
  readonly #held = new Set<Snapshot>()

  /** Throws TooManySnapshots. */
  hold(version: Version, generation: number): Snapshot {
    if (this.#held.size >= MAX_HELD_VERSIONS) throw new TooManySnapshots(this.#held.size)
    const snapshot = new Snapshot(version, generation, released => this.#held.delete(released))
    this.#held.add(snapshot)
    return snapshot
  }

  get count(): number {
    return this.#held.size
  }

  /** Generation of the oldest version that is held. */
  oldest(): number | undefined {
    for (const { generation } of this.#held) return generation
    return undefined
  }

  /** Releases the oldest by force; false: none is held. */
  releaseOldest(): boolean {
    for (const snapshot of this.#held) {
      snapshot.release()
      return true
    }
    return false
  }

  /** Releases by force what is too old when `generation` is published. */
  expire(generation: number): void {
    for (const snapshot of this.#held) {
      if (generationsBetween(snapshot.generation, generation) <= MAX_HELD_GENERATIONS) return
      snapshot.release()
    }
  }
}
