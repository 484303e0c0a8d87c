import type { Dice } from './dice.ts'

/**
 * `full` is all that BIND's reader takes. `plain` leaves out what ldns 1.8 reads otherwise, or writes so that it reads
 * back as something else: directives in lower case, $GENERATE, owners left out, the class before the TTL, strings without
 * quotes, a dollar sign or a quote that begins a name, rdata without octets, CSYNC without types, LOC without seconds.
 */
export type Dialect = 'full' | 'plain'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
/** Octets that a name can hold in this way alone. */
const ODD_OCTETS = ['\\.', '\\@', '\\;', '\\(', '\\\\', '\\032', '\\000', '\\255'] as const
const UNITS: readonly (readonly [string, number])[] = [
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

/** Words of a master file, each in one of the ways that it can be written. */
export class Words {
  readonly dialect: Dialect
  readonly #dice: Dice

  constructor(dice: Dice, dialect: Dialect) {
    this.#dice = dice
    this.dialect = dialect
  }

  owner(): string {
    if (this.#dice.chance(0.1)) return '@'
    return this.#dice.chance(0.1) ? `*.${this.#labels()}` : this.#escaped(this.#labels())
  }

  name(): string {
    if (this.#dice.chance(0.05)) return '.'
    if (this.#dice.chance(0.1)) return '@'
    const labels = this.#escaped(this.#labels())
    return this.#dice.chance(0.3) ? `${labels}.` : labels
  }

  string(): string {
    const isQuoted = this.dialect === 'plain' || this.#dice.chance(0.5)
    return isQuoted ? this.quotedString(0) : this.#plainString()
  }

  quotedString(minimum: number): string {
    const length = this.#dice.chance(0.05) ? 255 : minimum + this.#dice.below(20)
    const octet = () =>
      this.#dice.chance(0.15) ? this.#escape() : this.#dice.pick(`${LETTERS} ABC;().,:=@$'\t`)
    return `"${this.#dice.times(length, octet).join('')}"`
  }

  ipv4(): string {
    return this.#dice.times(4, () => this.#dice.below(256)).join('.')
  }

  ipv6(): string {
    const group = () => this.letterCase(this.#dice.below(65_536).toString(16))
    const groups = (count: number) => this.#dice.times(count, group).join(':')
    return this.#dice.pick([
      groups(8),
      `${groups(3)}::${groups(2)}`,
      `::${groups(1 + this.#dice.below(6))}`,
      `${groups(1 + this.#dice.below(6))}::`,
      '::',
      `::ffff:${this.ipv4()}`,
      `${groups(2)}::${this.ipv4()}`,
      `${groups(6)}:${this.ipv4()}`,
      groups(8).replace(/^[0-9a-f]+/i, '00ff'),
    ])
  }

  number(bound: number): string {
    return String(this.#dice.chance(0.1) ? bound - 1 : this.#dice.below(bound))
  }

  u16(): string {
    return this.number(65_536)
  }

  u32(): string {
    return this.number(2 ** 32)
  }

  /** A span of time in seconds, or with units. */
  seconds(value: number): string {
    if (value === 0 || this.#dice.chance(0.5)) return String(value)
    let text = ''
    let left = value
    for (const [unit, size] of UNITS) {
      if (left >= size) text += `${Math.floor(left / size)}${this.letterCase(unit)}`
      left %= size
    }
    return text
  }

  base64(most: number): string[] {
    const octets = this.#dice.times(1 + this.#dice.below(most), () => this.#dice.below(256))
    return this.#split(Buffer.from(octets).toString('base64'))
  }

  hex(octets: number): string[] {
    const digits = this.#dice.times(2 * octets, () => this.#dice.below(16).toString(16))
    return this.#split(this.letterCase(digits.join('')))
  }

  letterCase(text: string): string {
    return this.#dice.chance(0.3) ? text.toUpperCase() : text.toLowerCase()
  }

  /** Long fields may be written in pieces. */
  #split(text: string): string[] {
    const words: string[] = []
    for (let at = 0; at < text.length; ) {
      const end = this.#dice.chance(0.5) ? text.length : at + 4 * (1 + this.#dice.below(8))
      words.push(text.slice(at, end))
      at = end
    }
    return words
  }

  #labels(): string {
    return this.#dice.times(1 + this.#dice.below(3), () => this.#label()).join('.')
  }

  #label(): string {
    const length = this.#dice.chance(0.05) ? 63 : 1 + this.#dice.below(8)
    return this.#dice.times(length, () => this.#dice.pick(LETTERS)).join('')
  }

  /** Some octets of a name as `\DDD` or `\X`, and some that can be written in no other way. */
  #escaped(labels: string): string {
    if (!this.#dice.chance(0.3)) return labels
    // ldns 1.8 takes no longer names, as they are written.
    if (this.dialect === 'plain' && labels.length > 60) return labels
    const octets = [...labels].map(octet => (this.#dice.chance(0.3) ? this.#escapedLetter(octet) : octet))
    if (labels.length < 40 && this.#dice.chance(0.3))
      octets.unshift(this.#dice.pick(this.dialect === 'plain' ? ODD_OCTETS : [...ODD_OCTETS, '\\"', '\\$']))
    return octets.join('')
  }

  #escapedLetter(octet: string): string {
    if (octet === '.') return octet
    const isDigit = /[0-9]/.test(octet)
    return isDigit || this.#dice.chance(0.5) ? decimalEscape(octet.charCodeAt(0)) : `\\${octet}`
  }

  #plainString(): string {
    const octet = () =>
      this.#dice.chance(0.2) ? this.#escape() : this.#dice.pick(`${LETTERS}ABC.,:=/+*!'<>`)
    return this.#dice.times(1 + this.#dice.below(12), octet).join('')
  }

  #escape(): string {
    const octet = decimalEscape(this.#dice.below(256))
    return this.#dice.pick(['\\"', '\\\\', '\\;', '\\a', '\\ ', octet, octet])
  }
}

function decimalEscape(octet: number): string {
  return `\\${String(octet).padStart(3, '0')}`
}
