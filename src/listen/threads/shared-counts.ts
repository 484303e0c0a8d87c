/** Counts of one thread that another one may read: plain numbers on one side, shared memory between. */
export class SharedCounts<Counts extends { readonly [Key in keyof Counts]: number }> {
  readonly buffer: SharedArrayBuffer
  readonly #values: Float64Array
  readonly #keys: readonly (keyof Counts)[]

  /** `sample` tells the names and their order, the same on both sides. */
  constructor(sample: Counts, buffer?: SharedArrayBuffer) {
    this.#keys = Object.keys(sample) as (keyof Counts)[]
    this.buffer = buffer ?? new SharedArrayBuffer(this.#keys.length * Float64Array.BYTES_PER_ELEMENT)
    this.#values = new Float64Array(this.buffer)
  }

  /** Lets the other side see these. A count may be seen before its neighbour: they are figures, not a balance. */
  publish(counts: Counts): void {
    for (let i = 0; i < this.#keys.length; i++) {
      const key = this.#keys[i]
      if (key !== undefined) this.#values[i] = counts[key]
    }
  }

  read(): Record<keyof Counts, number> {
    const read = {} as Record<keyof Counts, number>
    for (const [i, key] of this.#keys.entries()) read[key] = this.#values[i] ?? 0
    return read
  }
}

/** The counts of several, added up. */
export function sumOf<Counts extends { readonly [Key in keyof Counts]: number }>(
  zero: Counts,
  counts: readonly Counts[],
): Counts {
  const total = { ...zero }
  for (const one of counts) {
    for (const key in total) total[key] = (total[key] + one[key]) as Counts[typeof key]
  }
  return total
}
