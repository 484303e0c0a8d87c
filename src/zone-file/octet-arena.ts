/** A zone of six records fits the first block; each is twice the one before, up to the largest. */
const FIRST_BLOCK_LENGTH = 512
const MAX_BLOCK_LENGTH = 65_536

/** Keeps many small runs of octets in few blocks: an array with a buffer of its own costs five times a name. */
export class OctetArena {
  #block = new Uint8Array(FIRST_BLOCK_LENGTH)
  #used = 0

  /** A lasting copy of the first `length` octets. */
  keep(octets: Uint8Array, length: number): Uint8Array {
    if (length > this.#block.length / 4) return octets.slice(0, length)
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(Math.min(MAX_BLOCK_LENGTH, this.#block.length * 2))
      this.#used = 0
    }
    const kept = new Uint8Array(this.#block.buffer, this.#used, length)
    for (let i = 0; i < length; i++) kept[i] = octets[i] ?? 0
    this.#used += length
    return kept
  }
}
