import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'

type Ends = readonly [from: number, to: number]

const INPUT = 0

/** The pipes to a child that is about to start: its ends of them, and ours. */
export class ChildPipes {
  #ends: readonly (Ends | undefined)[] = []

  /** `wanted` tells which of input, output and errors are to be one. Throws what `openPipe` throws, and leaves none open. */
  constructor(wanted: readonly boolean[], openPipe: () => Ends) {
    try {
      for (const isWanted of wanted) this.#ends = [...this.#ends, isWanted ? openPipe() : undefined]
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** The child's end of each. */
  get theirs(): readonly (number | undefined)[] {
    return this.#ends.map((ends, fd) => ends?.[fd === INPUT ? 0 : 1])
  }

  /** Closes the child's ends, which it has by now, and makes streams of ours. */
  open(): readonly [Writable | undefined, Readable | undefined, Readable | undefined] {
    for (const fd of this.theirs) if (fd !== undefined) closeSync(fd)
    const [input, output, errors] = this.#ends
    this.#ends = []
    return [input && new Socket({ fd: input[1], readable: false }), readableOf(output), readableOf(errors)]
  }

  /** Closes all that `open` has not taken. */
  close(): void {
    for (const fd of this.#ends.flatMap(ends => ends ?? [])) closeSync(fd)
    this.#ends = []
  }
}

function readableOf(ends: Ends | undefined): Readable | undefined {
  return ends && new Socket({ fd: ends[0], writable: false })
}
