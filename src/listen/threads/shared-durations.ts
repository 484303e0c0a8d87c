import { DURATION_DOUBLES, DurationCount, type Durations, sumOfDurations } from '../../shared/durations.ts'
import { SEATS } from '../../zone/reader-slot.ts'

/** How long answers took in each thread: a place for each slot of the table, whose threads come one after the other. */
export class SharedDurations {
  readonly buffer: SharedArrayBuffer
  readonly #places: readonly DurationCount[]

  constructor(buffer = new SharedArrayBuffer(2 * SEATS * DURATION_DOUBLES * Float64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#places = Array.from(
      { length: 2 * SEATS },
      (_, slot) =>
        new DurationCount(
          new Float64Array(
            buffer,
            slot * DURATION_DOUBLES * Float64Array.BYTES_PER_ELEMENT,
            DURATION_DOUBLES,
          ),
        ),
    )
  }

  /** That of the thread which reads the table in this slot. */
  of(slot: number): DurationCount {
    return this.#places[slot] ?? new DurationCount()
  }

  read(): Durations {
    return sumOfDurations(this.#places.map(place => place.read()))
  }
}
