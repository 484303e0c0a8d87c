/**
 * The latest steps of all zones, small ones alone, in memory that threads share: what an IXFR over UDP is answered with
 * where no journal can be read. One writer appends; readers in any thread look, and look again if they were disturbed.
 *
 *     word 0       odd while the writer is at it; moves on with each step
 *     octets 8…    number of the oldest step that is still whole, a double
 *     octets 16…   number of the next step, a double: there are more than 2^32 in a year of churn
 *     then         slots, the step with number n in slot n % SLOTS:
 *                  hash of the apex | from | to | where its octets lie | octets removed | octets added
 *     then         octets, in turn; a step's lie in one piece
 */
import type { ZoneDifference } from './zone-difference.ts'

/** Octets of the steps between two serials that are put together: more never fit into a datagram, or hardly ever. */
const MOST_OCTETS = 8192
/** Steps that are kept; a zone that changes seldom finds its own among those of one that changes all the time. */
const SLOTS = 1024
const ROOM = 262_144

const TURN_WORD = 0
const OLDEST = 1
const NEXT = 2
const FIRST_SLOT = 6
const SLOT_WORDS = 6
const [HASH, FROM, TO, PLACE, REMOVED, ADDED] = [0, 1, 2, 3, 4, 5] as const
const OCTETS_AT = (FIRST_SLOT + SLOTS * SLOT_WORDS) * 4

/** A writer needs some microseconds: whoever is disturbed as often has met a flood of commits. */
const LOOKS = 4

export class RecentSteps {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  /** The same memory: OLDEST and NEXT count in steps of eight octets. */
  readonly #doubles: Float64Array
  readonly #octets: Uint8Array
  /** Octets that the writer has put or skipped since the beginning, and as many of them at the start of each slot's. */
  #put = 0
  readonly #starts = new Float64Array(SLOTS)

  constructor(buffer = new SharedArrayBuffer(OCTETS_AT + ROOM)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, OCTETS_AT / 4)
    this.#doubles = new Float64Array(buffer, 0, FIRST_SLOT / 2)
    this.#octets = new Uint8Array(buffer, OCTETS_AT)
  }

  /** Appends a step of a zone whose apex is in wire form and lower case. One that is too long leaves a gap. */
  append(apex: Uint8Array, { from, to, removed, added }: ZoneDifference): void {
    const length = removed.length + added.length
    if (length > MOST_OCTETS) return
    const words = this.#words
    Atomics.add(words, TURN_WORD, 1)
    const place = this.#makeRoom(length)
    const next = this.#doubles[NEXT] ?? 0
    const slot = slotOf(next)
    words[slot + HASH] = hashOf(apex)
    words[slot + FROM] = from
    words[slot + TO] = to
    words[slot + PLACE] = place
    words[slot + REMOVED] = removed.length
    words[slot + ADDED] = added.length
    this.#octets.set(removed, place)
    this.#octets.set(added, place + removed.length)
    this.#doubles[NEXT] = next + 1
    Atomics.add(words, TURN_WORD, 1)
  }

  /**
   * The steps from the contents with serial `from` to those with serial `to`, copied. Undefined: not all of them are
   * kept, or they are too much for a datagram.
   */
  since(
    apex: Uint8Array,
    serials: { readonly from: number; readonly to: number },
  ): readonly ZoneDifference[] | undefined {
    for (let look = 0; look < LOOKS; look++) {
      const turn = Atomics.load(this.#words, TURN_WORD)
      if ((turn & 1) !== 0) continue
      const steps = this.#gather(hashOf(apex), serials)
      // Adding nothing, unlike a load, keeps the reads above from being moved behind it.
      if (Atomics.add(this.#words, TURN_WORD, 0) === turn) return steps
    }
    return undefined
  }

  /** Gives up the oldest steps until there is room; returns where it is. */
  #makeRoom(length: number): number {
    const left = ROOM - (this.#put % ROOM)
    if (left < length) this.#put += left
    const start = this.#put
    this.#put += length
    const next = this.#doubles[NEXT] ?? 0
    let oldest = Math.max(this.#doubles[OLDEST] ?? 0, next - SLOTS + 1)
    while (oldest < next && (this.#starts[oldest % SLOTS] ?? 0) < this.#put - ROOM) oldest++
    this.#doubles[OLDEST] = oldest
    this.#starts[next % SLOTS] = start
    return start % ROOM
  }

  /** From the latest back. While the writer is at it numbers may be any: each is held to its bounds. */
  #gather(
    hash: number,
    { from, to }: { readonly from: number; readonly to: number },
  ): readonly ZoneDifference[] | undefined {
    const words = this.#words
    const next = this.#doubles[NEXT] ?? 0
    const oldest = Math.max(this.#doubles[OLDEST] ?? 0, next - SLOTS)
    const steps: ZoneDifference[] = []
    let wanted = to
    let octets = 0
    for (let n = next - 1; n >= oldest && wanted !== from; n--) {
      const slot = slotOf(n)
      if (words[slot + HASH] !== hash || this.#serial(slot + TO) !== wanted) continue
      octets += (words[slot + REMOVED] ?? 0) + (words[slot + ADDED] ?? 0)
      if (octets > MOST_OCTETS) return undefined
      const step = this.#stepIn(slot)
      steps.push(step)
      wanted = step.from
    }
    return wanted === from ? steps.reverse() : undefined
  }

  #stepIn(slot: number): ZoneDifference {
    const place = this.#words[slot + PLACE] ?? 0
    const middle = place + (this.#words[slot + REMOVED] ?? 0)
    return {
      from: this.#serial(slot + FROM),
      to: this.#serial(slot + TO),
      removed: this.#octets.slice(place, middle),
      added: this.#octets.slice(middle, middle + (this.#words[slot + ADDED] ?? 0)),
    }
  }

  #serial(word: number): number {
    return (this.#words[word] ?? 0) >>> 0
  }
}

function slotOf(n: number): number {
  return FIRST_SLOT + (n % SLOTS) * SLOT_WORDS
}

/** FNV-1a: it only has to tell the zones of one server apart, and the steps name theirs. */
function hashOf(apex: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const octet of apex) hash = Math.imul(hash ^ octet, 0x01000193)
  return hash | 0
}
