import type { Octets } from '../tunnel/interface.ts'

/** What is shown in one picture: `count` buckets of `step` seconds. A word a value: 225 buckets take 1,800 octets. */
export const SPANS = {
  hour: { step: 60, count: 60 },
  day: { step: 1200, count: 72 },
  month: { step: 28_800, count: 93 },
} as const

export type Span = keyof typeof SPANS

/** What happened in a bucket. */
export interface Bucket {
  /** The mean, in milliseconds; undefined: nothing was timed. */
  readonly roundTripMs: number | undefined
  /** 0 to 1. */
  readonly loss: number
  /** From the tunnel and into it; undefined: nobody has counted. */
  readonly octets: Octets | undefined
}

const NAMES = Object.keys(SPANS) as readonly Span[]
/** Words of a finished bucket: round trip in tenths of a millisecond, loss in thousandths, octets by logarithm. */
export const WORDS = 4
const NOTHING = 0xffff
const MAX_WORD = 0xfffe
const TENTHS = 10
const THOUSANDTHS = 1000
/** 65,534 steps up to 2^48 octets: a step is less than a thousandth. */
const LOGARITHM_STEPS = 1365
/** Sums of the bucket that is not over. */
const SUMS = 7
const NUMBER = 0
const ASKED = 1
const ANSWERED = 2
const TIMED = 3
const TOTAL_MS = 4
const RECEIVED = 5
const SENT = 6

/** Finished buckets of all spans. */
export const BUCKETS = NAMES.reduce((sum, name) => sum + SPANS[name].count, 0)
/** Sums of all spans. */
export const SUM_COUNT = SUMS * NAMES.length

/** What a history is made of, for a file. */
export interface HistoryParts {
  readonly notedAt: number
  readonly words: Uint16Array
  readonly sums: Float64Array
}

/** Finished buckets in rings of words, and for each span the sums of the bucket that runs. */
export class TunnelHistory {
  /** Seconds at which something was last noted. */
  notedAt: number
  readonly #words = TunnelHistory.noWords()
  readonly #sums = new Float64Array(SUM_COUNT)

  constructor(now: number) {
    this.notedAt = now
    for (const [at, name] of NAMES.entries()) this.#start(at, numberOf(name, now))
  }

  /** Words of no bucket that is known. */
  static noWords(): Uint16Array {
    return new Uint16Array(WORDS * BUCKETS).fill(NOTHING)
  }

  static isKnown(words: Uint16Array, bucket: number): boolean {
    return words[bucket * WORDS + 1] !== NOTHING
  }

  /** A history as it was. */
  static of({ notedAt, words, sums }: HistoryParts): TunnelHistory {
    const history = new TunnelHistory(notedAt)
    history.#words.set(words)
    history.#sums.set(sums)
    return history
  }

  get words(): Uint16Array {
    return this.#words
  }

  get sums(): Float64Array {
    return this.#sums
  }

  answered(now: number, roundTripMs: number): void {
    this.notedAt = now
    this.#turnTo(now)
    for (let at = 0; at < NAMES.length; at++) {
      this.#add(at, ASKED, 1)
      this.#add(at, ANSWERED, 1)
      if (roundTripMs <= 0) continue
      this.#add(at, TIMED, 1)
      this.#add(at, TOTAL_MS, roundTripMs)
    }
  }

  silent(now: number): void {
    this.notedAt = now
    this.#turnTo(now)
    for (let at = 0; at < NAMES.length; at++) this.#add(at, ASKED, 1)
  }

  octets(now: number, { received, sent }: Octets): void {
    this.notedAt = now
    this.#turnTo(now)
    for (let at = 0; at < NAMES.length; at++) {
      this.#set(at, RECEIVED, Math.max(this.#sum(at, RECEIVED), 0) + received)
      this.#set(at, SENT, Math.max(this.#sum(at, SENT), 0) + sent)
    }
  }

  /** The buckets of a span up to `now`, the oldest first, the one that runs last. */
  buckets(span: Span, now: number): readonly (Bucket | undefined)[] {
    this.#turnTo(now)
    const at = NAMES.indexOf(span)
    const running = this.#sum(at, NUMBER)
    const { count } = SPANS[span]
    const finished = Array.from({ length: count - 1 }, (_, i) => this.#finished(at, running - count + 1 + i))
    return [...finished, this.#running(at)]
  }

  /** Finishes the buckets whose time is over; those in which nothing was noted hold nothing. */
  #turnTo(now: number): void {
    for (const [at, name] of NAMES.entries()) {
      const number = numberOf(name, now)
      const running = this.#sum(at, NUMBER)
      if (number <= running) continue
      this.#write(at, running, this.#running(at))
      const oldest = Math.max(running + 1, number - SPANS[name].count)
      for (let skipped = oldest; skipped < number; skipped++) this.#write(at, skipped, undefined)
      this.#start(at, number)
    }
  }

  #start(at: number, number: number): void {
    this.#sums.fill(0, at * SUMS, (at + 1) * SUMS)
    this.#set(at, NUMBER, number)
    this.#set(at, RECEIVED, -1)
    this.#set(at, SENT, -1)
  }

  #running(at: number): Bucket | undefined {
    const [asked, timed] = [this.#sum(at, ASKED), this.#sum(at, TIMED)]
    const [received, sent] = [this.#sum(at, RECEIVED), this.#sum(at, SENT)]
    if (asked === 0 && received < 0) return undefined
    return {
      roundTripMs: timed === 0 ? undefined : this.#sum(at, TOTAL_MS) / timed,
      loss: asked === 0 ? 0 : 1 - this.#sum(at, ANSWERED) / asked,
      octets: received < 0 ? undefined : { received, sent },
    }
  }

  #write(at: number, number: number, bucket: Bucket | undefined): void {
    const word = this.#wordAt(at, number)
    const { roundTripMs, octets } = bucket ?? {}
    this.#words[word] = roundTripMs === undefined ? NOTHING : clamp(roundTripMs * TENTHS)
    this.#words[word + 1] = bucket === undefined ? NOTHING : clamp(bucket.loss * THOUSANDTHS)
    this.#words[word + 2] = logarithm(octets?.received)
    this.#words[word + 3] = logarithm(octets?.sent)
  }

  #finished(at: number, number: number): Bucket | undefined {
    const word = this.#wordAt(at, number)
    const [tenths, thousandths, ...logarithms] = this.#words.subarray(word, word + WORDS)
    const [received, sent] = logarithms.map(each => known(each, countOf))
    if (thousandths === undefined || thousandths === NOTHING) return undefined
    return {
      roundTripMs: known(tenths, value => value / TENTHS),
      loss: thousandths / THOUSANDTHS,
      octets: received === undefined || sent === undefined ? undefined : { received, sent },
    }
  }

  /** A bucket's place in the ring of its span. */
  #wordAt(at: number, number: number): number {
    let first = 0
    for (const name of NAMES.slice(0, at)) first += SPANS[name].count
    const { count } = SPANS[NAMES[at] ?? 'hour']
    return WORDS * (first + (((number % count) + count) % count))
  }

  #sum(at: number, what: number): number {
    return this.#sums[at * SUMS + what] ?? 0
  }

  #set(at: number, what: number, value: number): void {
    this.#sums[at * SUMS + what] = value
  }

  #add(at: number, what: number, value: number): void {
    this.#set(at, what, this.#sum(at, what) + value)
  }
}

function numberOf(span: Span, now: number): number {
  return Math.floor(now / SPANS[span].step)
}

function logarithm(count: number | undefined): number {
  return count === undefined ? NOTHING : clamp(Math.log2(count + 1) * LOGARITHM_STEPS)
}

function countOf(logarithm: number): number {
  return Math.round(2 ** (logarithm / LOGARITHM_STEPS) - 1)
}

function clamp(value: number): number {
  return Math.min(MAX_WORD, Math.round(value))
}

function known(word: number | undefined, meaning: (word: number) => number): number | undefined {
  return word === undefined || word === NOTHING ? undefined : meaning(word)
}
