import { TokenLine } from '../text/token-line.ts'

const TAB = 0x09
const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const OPEN = 0x28
const CLOSE = 0x29
const SEMICOLON = 0x3b
const BACKSLASH = 0x5c
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** More tokens than 65,535 octets of rdata can be spread over. A record that has more is no record. */
const MAX_TOKENS = 70_000
/** As many octets of rdata, each written as `\\DDD`. */
const MAX_TOKEN_LENGTH = 4 * 65_535

const ENDS_WORD = new Uint8Array(256)
for (const octet of [TAB, NEWLINE, RETURN, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON]) ENDS_WORD[octet] = 1

/** A mistake in the form of a record, found before anyone reads its tokens. */
export interface ScanFault {
  readonly line: number
  readonly column: number
  readonly message: string
  /** A record, or all from there on: nobody knows where the next record begins. */
  readonly spoils: 'record' | 'file'
}

/**
 * Cuts the text of a master file into records and a record into tokens (RFC 1035 5.1): comments and line ends inside
 * parentheses are dropped here, escapes stay for whoever knows what a token means. One pass, straight over the octets.
 */
export class MasterScanner {
  readonly tokens: TokenLine
  /** The record starts with white space: its owner is that of the record before. */
  startsBlank = false
  fault: ScanFault | undefined
  readonly #octets: Buffer
  #at = 0
  #line = 1
  #lineStart = 0
  #markFault: ScanFault | undefined
  #depth = 0

  constructor(octets: Buffer) {
    this.#octets = octets
    this.tokens = new TokenLine(octets)
    const hasMark = octets.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
    // Editors write the mark. named, nsd and knotd refuse the file: to them it is a part of the first owner.
    if (hasMark) this.#markFault = this.#here('a byte order mark: save the file without', 'file')
    this.#at = hasMark ? BYTE_ORDER_MARK.length : 0
    this.#lineStart = this.#at
  }

  /** Goes to the next record that has tokens, or a fault. False at the end of the text. */
  next(): boolean {
    this.tokens.clear()
    this.fault = this.#markFault
    this.#markFault = undefined
    if (this.fault !== undefined) return true
    while (this.#at < this.#octets.length) {
      const first = this.#octets[this.#at]
      this.startsBlank = first === SPACE || first === TAB
      this.#scanRecord()
      if (this.tokens.count > 0 || this.fault !== undefined) return true
    }
    return false
  }

  /** Where the text ends inside a line (a copy that was cut off has no newline there); undefined: it ends with one. */
  get brokenOff(): { readonly line: number; readonly column: number } | undefined {
    const last = this.#octets.at(-1)
    if (last === undefined || last === NEWLINE) return undefined
    return { line: this.#line, column: this.#octets.length - this.#lineStart + 1 }
  }

  #scanRecord(): void {
    const octets = this.#octets
    let open: ScanFault | undefined
    this.#depth = 0
    while (this.#at < octets.length) {
      const octet = octets[this.#at]
      if (octet === NEWLINE) {
        this.#at++
        this.#line++
        this.#lineStart = this.#at
        if (this.#depth === 0) return
      } else if (octet === SPACE || octet === TAB || octet === RETURN) this.#at++
      else if (octet === SEMICOLON) this.#skipComment()
      else if (octet === QUOTE) this.#scanQuoted()
      else if (octet === OPEN) {
        if (this.#depth++ === 0) open = this.#here('( has no )', 'file')
        this.#at++
      } else if (octet === CLOSE) this.#close()
      else this.#scanWord()
    }
    if (this.#depth > 0) this.fault ??= open
  }

  #close(): void {
    if (this.#depth === 0) this.fault ??= this.#here(') has no (')
    else this.#depth--
    this.#at++
  }

  #skipComment(): void {
    const end = this.#octets.indexOf(NEWLINE, this.#at)
    this.#at = end < 0 ? this.#octets.length : end
  }

  #scanWord(): void {
    const octets = this.#octets
    const start = this.#at
    let at = start
    for (; at < octets.length; at++) {
      const octet = octets[at] ?? 0
      if (ENDS_WORD[octet] === 1) break
      if (octet === BACKSLASH && at + 1 < octets.length && octets[at + 1] !== NEWLINE) at++
    }
    this.#add(start, at, false)
    this.#at = at
  }

  /** A quoted string ends on its line: one that runs on is a quote forgotten, and would swallow the zone. */
  #scanQuoted(): void {
    const octets = this.#octets
    const start = this.#at + 1
    let at = start
    for (; at < octets.length; at++) {
      const octet = octets[at]
      if (octet === QUOTE || octet === NEWLINE) break
      if (octet === BACKSLASH && at + 1 < octets.length && octets[at + 1] !== NEWLINE) at++
    }
    const isClosed = octets[at] === QUOTE
    if (!isClosed) this.fault ??= this.#here('the quoted string has no end on its line')
    this.#add(start, at, true)
    this.#at = isClosed ? at + 1 : at
  }

  #add(start: number, end: number, quoted: boolean): void {
    if (end - start > MAX_TOKEN_LENGTH)
      this.fault ??= this.#here(`the word is longer than ${MAX_TOKEN_LENGTH} octets`)
    if (this.tokens.count < MAX_TOKENS) this.tokens.add(start, end, quoted, this.#line, this.#lineStart)
    else this.fault ??= this.#here(`the record has more than ${MAX_TOKENS} words`)
  }

  #here(message: string, spoils: ScanFault['spoils'] = 'record'): ScanFault {
    return { line: this.#line, column: this.#at - this.#lineStart + 1, message, spoils }
  }
}
