/**
 * A word in shared memory that a thread moves on whenever it comes round: after each batch, and when it has waited in
 * vain. Another thread sees that one which spins, or stands, does not.
 */
export class Heartbeat {
  readonly buffer: SharedArrayBuffer
  readonly #word: Int32Array
  #seen = 0
  #missed = 0

  constructor(buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer
    this.#word = new Int32Array(buffer)
  }

  beat(): void {
    Atomics.add(this.#word, 0, 1)
  }

  /**
   * Looks whether there was a beat since the last look; returns how many looks in a row have seen none. Looks are counted
   * and not the time, so that nobody is found stuck because the whole process was stopped for a while.
   */
  look(): number {
    const beats = Atomics.load(this.#word, 0)
    this.#missed = beats === this.#seen ? this.#missed + 1 : 0
    this.#seen = beats
    return this.#missed
  }
}
