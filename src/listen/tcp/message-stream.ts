/** Octets of length before each message (RFC 1035 4.2.2). */
export const PREFIX_LENGTH = 2

const NOTHING = Buffer.alloc(0)

/** First room for a message that did not come in one piece: most queries fit. */
const FIRST_ROOM = 512

/**
 * Cuts a TCP byte stream into DNS messages (RFC 1035 4.2.2: each has its length before it, two octets).
 *
 *     segments   │03 a b c 02 d│e 01 f│          prefix shown as one octet
 *     messages    └──abc──┘ └──de─┘ └f┘
 *
 * A message within one segment is not copied. One that is cut goes to a buffer which doubles as octets come in: a peer
 * that promises 64 KB and sends 3 octets costs 512, and a peer that sends an octet at a time costs no more copies.
 */
export class MessageStream {
  #segment: Buffer = NOTHING
  #at = 0
  #started: Buffer = NOTHING
  #filled = 0

  /** Takes the next segment. The one before must have been used up: `next` has returned undefined. */
  push(segment: Buffer): void {
    this.#segment = segment
    this.#at = 0
  }

  /** The next whole message, possibly of length 0, valid until the next `push`; undefined if octets are missing. */
  next(): Uint8Array | undefined {
    const whole = this.#filled === 0 ? this.#uncut() : undefined
    if (whole !== undefined) return whole
    if (!this.#fill(PREFIX_LENGTH)) return undefined
    const end = PREFIX_LENGTH + this.#started.readUInt16BE(0)
    if (!this.#fill(end)) return undefined
    const message = this.#started.subarray(PREFIX_LENGTH, end)
    this.#started = NOTHING
    this.#filled = 0
    return message
  }

  /** Has the peer begun a message, be it with one octet, and not ended it? */
  get isCut(): boolean {
    return this.#filled > 0
  }

  #uncut(): Uint8Array | undefined {
    const start = this.#at + PREFIX_LENGTH
    if (start > this.#segment.length) return undefined
    const end = start + this.#segment.readUInt16BE(this.#at)
    if (end > this.#segment.length) return undefined
    this.#at = end
    return this.#segment.subarray(start, end)
  }

  /** Moves octets from the segment until `wanted` of the message are there. */
  #fill(wanted: number): boolean {
    const count = Math.min(wanted - this.#filled, this.#segment.length - this.#at)
    if (count > 0) {
      this.#grow(this.#filled + count)
      this.#segment.copy(this.#started, this.#filled, this.#at, this.#at + count)
      this.#filled += count
      this.#at += count
    }
    if (this.#at === this.#segment.length) this.#segment = this.#emptied()
    return this.#filled >= wanted
  }

  /** An idle connection must not keep its last segment alive. */
  #emptied(): Buffer {
    this.#at = 0
    return NOTHING
  }

  #grow(room: number): void {
    if (room <= this.#started.length) return
    const larger = Buffer.allocUnsafe(Math.max(room, FIRST_ROOM, 2 * this.#started.length))
    this.#started.copy(larger, 0, 0, this.#filled)
    this.#started = larger
  }
}
