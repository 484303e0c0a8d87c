const BITS = 32

/**
 * The set of free indexes below a capacity, as a tree of bit words: a set bit in a word of level n + 1 says that the
 * word below it has a free bit. The lowest free index is found by one look a level: four levels hold a million.
 *
 *     level 2            [ 1 ]
 *     level 1       [ 0 1 1 … ]
 *     level 0   [ 000… ][ 0110… ][ 111… ]      1 = free
 */
export class FreeIndex {
  readonly #capacity: number
  readonly #levels: readonly Uint32Array[]

  constructor(capacity: number) {
    this.#capacity = capacity
    const levels: Uint32Array[] = []
    for (let bits = capacity; ; bits = Math.ceil(bits / BITS)) {
      const level = new Uint32Array(Math.ceil(bits / BITS)).fill(0xffffffff)
      if (bits % BITS !== 0) level[level.length - 1] = 2 ** (bits % BITS) - 1
      levels.push(level)
      if (level.length === 1) break
    }
    this.#levels = levels
  }

  /** The lowest free index; undefined if none is. */
  lowest(): number | undefined {
    let index = 0
    for (let depth = this.#levels.length - 1; depth >= 0; depth--) {
      const word = this.#levels[depth]?.[index] ?? 0
      if (word === 0) return undefined
      index = index * BITS + (31 - Math.clz32(word & -word)) // the lowest set bit
    }
    return index
  }

  /** Makes an index not free; false if it was not. */
  occupy(index: number): boolean {
    if (!this.isFree(index)) return false
    let at = index
    for (const level of this.#levels) {
      const slot = Math.floor(at / BITS)
      const word = ((level[slot] ?? 0) & ~(1 << (at % BITS))) >>> 0
      level[slot] = word
      if (word !== 0) break // the word still has a free bit: nothing changes above
      at = slot
    }
    return true
  }

  /** Makes an index free. */
  release(index: number): void {
    if (index >= this.#capacity) return
    let at = index
    for (const level of this.#levels) {
      const slot = Math.floor(at / BITS)
      level[slot] = ((level[slot] ?? 0) | (1 << (at % BITS))) >>> 0
      at = slot
    }
  }

  isFree(index: number): boolean {
    return (((this.#levels[0]?.[Math.floor(index / BITS)] ?? 0) >>> (index % BITS)) & 1) === 1
  }
}
