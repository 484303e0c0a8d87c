/** One zone at one secondary: what it has been told, and what it has said. */
import { serialCompare } from '../zone/serial.ts'

/** Milliseconds between two NOTIFYs about a zone, however often it changes. */
const INTERVAL_MS = 1000
/** Milliseconds after which an unanswered one is sent again; twice as long each time. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
/** After as many in vain news does not hurry the next: nobody seems to be there. */
const PATIENCE = 5

/**
 *     idle ──news──▶ told, as soon as the last NOTIFY is a second old ──answer──▶ idle, or told again if there is news
 *                      └──silence──▶ told again, after 1 s, 2 s, 4 s … a minute (RFC 1996 3.6)
 */
export class Follower {
  readonly #send: () => number | undefined
  readonly #firstServed: number | undefined
  /** Serial of the last NOTIFY that was sent. */
  told: number | undefined
  /** Serial of the last NOTIFY that was answered without an error. */
  acknowledged: number | undefined
  /** Serial that it had at the end of its last transfer from this process. */
  transferred: number | undefined
  /** What it last said, or why nothing came; empty: nothing yet. */
  answer = ''
  /** NOTIFYs since the last answer. */
  unanswered = 0
  #hasNews = false
  #sentAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /**
   * `send` sends a NOTIFY with the zone's present serial, which it returns; undefined: it is no longer served.
   * `firstServed` is the serial that the zone has now.
   */
  constructor(send: () => number | undefined, firstServed: number | undefined) {
    this.#send = send
    this.#firstServed = firstServed
  }

  /** The zone has changed, or is to be told of all the same. */
  notify(): void {
    this.#hasNews = true
    if (this.unanswered < PATIENCE) this.#planNext()
  }

  /** The same at once, if it has been told of nothing within the last second: the operator wants to see it. */
  hurry(): void {
    this.#hasNews = true
    this.#planNext()
  }

  /** The last NOTIFY has been answered: with this word, an error or not. */
  answered(word: string, { isError }: { readonly isError: boolean }): void {
    this.answer = word
    this.unanswered = 0
    if (!isError) this.acknowledged = this.told
    if (this.#hasNews) this.#planNext()
    else this.stop()
  }

  /** Something came that may not be its, or that it could not tell to be ours: it is asked on, as in silence. */
  unbelieved(word: string): void {
    this.answer = word
  }

  /** Takes the serial that a transfer ended with, unless it is older than what is known. */
  hasTransferred(serial: number): void {
    if (this.transferred === undefined || serialCompare(serial, this.transferred) !== -1)
      this.transferred = serial
  }

  /**
   * How many serials it is behind `serial`, the one that is served, at the least: what changed before it was followed it
   * may have from the process before, what changed since it has only by a transfer.
   */
  lag(serial: number): number {
    return (serial - (this.transferred ?? this.#firstServed ?? serial)) >>> 0
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #planNext(): void {
    this.#plan(this.#sentAt + INTERVAL_MS - performance.now())
  }

  #plan(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#tell, Math.max(0, ms))
  }

  readonly #tell = (): void => {
    this.#hasNews = false
    this.#sentAt = performance.now()
    this.told = this.#send()
    if (this.told === undefined) return
    this.#plan(Math.min(FIRST_WAIT_MS * 2 ** this.unanswered, LONGEST_WAIT_MS))
    this.unanswered++
  }
}
