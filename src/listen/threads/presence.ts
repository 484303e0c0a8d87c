/** Tells the writer of the table that a reader is at work, so that what it may stand on is not used again. */
export interface Slot {
  enter(): void
  leave(): void
}

/**
 * The one way in which threads read the table: between entering and leaving their slot. Readers on the writer's own
 * thread (TCP, UDP without batches) need none: nothing is written while they answer.
 */
export class Presence {
  readonly #slot: Slot

  constructor(slot: Slot) {
    this.#slot = slot
  }

  /** Calls `read`, during which nothing of the version that it finds is used again; leaves also if it throws. */
  during(read: () => void): void {
    this.#slot.enter()
    try {
      read()
    } finally {
      this.#slot.leave()
    }
  }
}
