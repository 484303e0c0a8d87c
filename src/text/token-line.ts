const MAX_SHOWN = 40
const UNPRINTABLE = /[^ -~]/g

/**
 * The tokens of one record of a master file (RFC 1035 5.1) and the position of whoever reads them. A token is a range
 * of octets, its escapes still in it, the quotes of a quoted string outside it.
 */
export class TokenLine {
  readonly octets: Buffer
  count = 0
  /** The token to read next. */
  index = 0
  /** What relative names in the record are completed with. */
  origin: Uint8Array | undefined
  /** Why the token at `index` was refused. */
  message = ''
  /** What is odd about the record and no reason to refuse it. */
  warning = ''
  /** The token that the warning is about. */
  warnedIndex = 0
  readonly starts: number[] = []
  readonly ends: number[] = []
  readonly #quoted: boolean[] = []
  readonly #lines: number[] = []
  readonly #lineStarts: number[] = []

  constructor(octets: Buffer) {
    this.octets = octets
  }

  clear(): void {
    this.count = 0
    this.index = 0
    this.message = ''
    this.warning = ''
  }

  // Plain arguments, against the custom: an object for every token of a big zone would be garbage for nothing.
  add(start: number, end: number, quoted: boolean, line: number, lineStart: number): void {
    const at = this.count++
    this.starts[at] = start
    this.ends[at] = end
    this.#quoted[at] = quoted
    this.#lines[at] = line
    this.#lineStarts[at] = lineStart
  }

  get hasMore(): boolean {
    return this.index < this.count
  }

  /** Where the token at `index` starts; the end of the last token if there is none. */
  get start(): number {
    return this.starts[this.index] ?? this.end
  }

  /** Where the token at `index` ends. */
  get end(): number {
    return this.ends[Math.min(this.index, this.count - 1)] ?? 0
  }

  get isQuoted(): boolean {
    return this.hasMore && this.#quoted[this.index] === true
  }

  /** Whether a quoted string begins right behind the token, as in `key="value"`. */
  get isQuoteNext(): boolean {
    return (
      this.#quoted[this.index + 1] === true &&
      this.starts[this.index + 1] === this.end + 1 &&
      this.index + 1 < this.count
    )
  }

  /** The token as it is written, one character an octet; empty at the end of the record. */
  text(): string {
    return this.hasMore ? this.octets.toString('latin1', this.start, this.end) : ''
  }

  /** The line that the record begins on. */
  get line(): number {
    return this.#lines[0] ?? 0
  }

  /**
   * Line and column of a token, counted from 1, the column in octets; a quoted string starts at its quote. Behind the
   * last token it is the end of that.
   */
  place(index: number = this.index): { line: number; column: number } {
    const at = Math.min(index, this.count - 1)
    const start = index < this.count ? (this.starts[at] ?? 0) : (this.ends[at] ?? 0)
    const column =
      start - (this.#lineStarts[at] ?? 0) + (this.#quoted[index] === true && index < this.count ? 0 : 1)
    return { line: this.#lines[at] ?? 0, column }
  }

  /** Refuses the token at `index`. */
  expected(what: string): false {
    return this.refuse(`expected ${what}, found ${this.shown()}`)
  }

  /** Refuses the token at `index` for a reason of its own. */
  refuse(message: string): false {
    this.message = message
    return false
  }

  /** Takes the record, but says what is odd about a token of it; of several the last is said. */
  warn(warning: string, index: number = this.index): void {
    this.warning = warning
    this.warnedIndex = index
  }

  /** The token for a message. */
  shown(): string {
    if (!this.hasMore) return 'the end of the record'
    return shown(this.octets.toString('latin1', this.start, Math.min(this.end, this.start + MAX_SHOWN + 1)))
  }
}

/** Text of a zone for a message: cut if it is long, and no control character, which a terminal would obey. */
export function shown(text: string): string {
  const end = text.length > MAX_SHOWN ? '…' : ''
  return `"${text.slice(0, MAX_SHOWN).replaceAll(UNPRINTABLE, decimalEscape)}${end}"`
}

function decimalEscape(character: string): string {
  return `\\${String(character.charCodeAt(0)).padStart(3, '0')}`
}
