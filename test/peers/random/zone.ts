import { lowerCaseName, parseName } from '../../../src/wire/name.ts'
import { Dice } from './dice.ts'
import { RandomRdata } from './rdata.ts'
import { type Dialect, Words } from './words.ts'

const ORIGIN = 'example.net.'
const RECORDS = 250
const FIRST_TTL = 300
/** Types that stand alone, or make servers look at more than how they are written. */
const LONELY: ReadonlySet<string> = new Set([
  'CNAME',
  'DNAME',
  'NS',
  'DS',
  'CDS',
  'CDNSKEY',
  'NSEC',
  'NXT',
  'NSEC3',
  'RRSIG',
  'SIG',
  'KEY',
  'RESINFO', // named takes one at a name
])
/** Types that are written as numbers here and as words there. */
const SAME_TYPE: Readonly<Record<string, string>> = {
  TYPE1: 'A',
  TYPE15: 'MX',
  TYPE16: 'TXT',
  TYPE28: 'AAAA',
  TYPE257: 'CAA',
}

/**
 * Writes a zone that is right, in a layout that is one of many: the same seed gives the same text. Owners absolute,
 * relative and left out; TTL and class in either order or none; blanks, comments, parentheses, line ends and escapes
 * wherever RFC 1035 5.1 has room for them.
 */
export function randomZone(seed: number, dialect: Dialect): string {
  return new RandomZone(seed, dialect).text()
}

class RandomZone {
  readonly #dice: Dice
  readonly #words: Words
  readonly #rdata: RandomRdata
  readonly #lines: string[] = []
  readonly #ttls = new Map<string, number>()
  #origin = ORIGIN
  #ttl = FIRST_TTL
  /** Of the record before, where another may have it too. */
  #owner = ''

  constructor(seed: number, dialect: Dialect) {
    this.#dice = new Dice(seed)
    this.#words = new Words(this.#dice, dialect)
    this.#rdata = new RandomRdata(this.#dice, this.#words)
  }

  text(): string {
    const timers = [3600, 900, 604_800, 60].map(value => this.#words.seconds(value))
    this.#lines.push(`$TTL ${this.#words.seconds(this.#ttl)}`)
    this.#put('@', 'SOA', ['ns1', 'hostmaster', this.#words.u32(), ...timers])
    this.#put('@', 'NS', ['ns1'])
    this.#put('ns1', 'A', ['192.0.2.1'])
    for (let left = RECORDS; left > 0; left--) {
      this.#perhapsOther()
      this.#putRecord(this.#dice.pick(this.#rdata.types))
    }
    const end = this.#dice.chance(0.3) ? '\r\n' : '\n'
    return this.#lines.join(end) + (this.#dice.chance(0.5) ? end : '')
  }

  /** What is no record. */
  #perhapsOther(): void {
    const isFull = this.#words.dialect === 'full'
    if (this.#dice.chance(0.04)) this.#putTtl(isFull ? this.#words.letterCase('$TTL') : '$TTL')
    if (this.#dice.chance(0.04)) this.#putOrigin()
    if (this.#dice.chance(0.05)) this.#lines.push(this.#dice.pick(['', '   ', '\t; a comment', ';x ( " \\']))
    if (isFull && this.#dice.chance(0.05)) this.#putGenerate()
  }

  #putTtl(directive: string): void {
    this.#ttl = 1 + this.#dice.below(700_000)
    this.#lines.push(directive + this.#blank() + this.#words.seconds(this.#ttl) + this.#comment())
  }

  #putOrigin(): void {
    this.#origin = this.#dice.pick([ORIGIN, `sub.${ORIGIN}`, `a.b.${ORIGIN}`])
    this.#lines.push(`$ORIGIN${this.#blank()}${this.#origin}${this.#comment()}`)
    this.#owner = '' // the same word is another owner from here on
  }

  #putRecord(type: string): void {
    const again = this.#owner !== '' && this.#dice.chance(0.4)
    const shared = again ? this.#owner : this.#words.owner()
    this.#put(LONELY.has(type) ? `lonely${this.#lines.length}` : shared, type, this.#rdata.of(type))
  }

  #put(owner: string, type: string, rdata: readonly string[]): void {
    const isLeftOut = this.#words.dialect === 'full' && owner === this.#owner && this.#dice.chance(0.7)
    if (owner !== this.#owner) this.#owner = owner.startsWith('lonely') ? '' : owner
    const head = [...this.#ttlAndClass(owner, type), this.#words.letterCase(type).replace(/^type/, 'TYPE')]
    this.#lines.push(this.#layOut(isLeftOut ? '' : owner, [...head, ...rdata]))
  }

  /** The same for each way to write a name: letters may be escaped, and origins left out. */
  #nameKey(owner: string): string {
    const origin = parseName(this.#origin)
    const name = parseName(owner, origin)
    return name === undefined ? `${owner} ${this.#origin}` : Buffer.from(lowerCaseName(name)).toString('hex')
  }

  /** The records of an rrset have one TTL, or the servers would have to choose. */
  #ttlAndClass(owner: string, type: string): string[] {
    const key = `${this.#nameKey(owner)} ${SAME_TYPE[type] ?? type}`
    const ttl = this.#ttls.get(key) ?? (this.#dice.chance(0.5) ? this.#ttl : this.#dice.below(2 ** 31))
    this.#ttls.set(key, ttl)
    const ttlWords = ttl === this.#ttl && this.#dice.chance(0.7) ? [] : [this.#words.seconds(ttl)]
    const classWords = this.#dice.chance(0.5) ? [this.#dice.pick(['IN', 'in', 'In'])] : []
    const isTtlFirst = this.#words.dialect === 'plain' || this.#dice.chance(0.5)
    return isTtlFirst ? [...ttlWords, ...classWords] : [...classWords, ...ttlWords]
  }

  /** Words on one line, or on several in parentheses. */
  #layOut(owner: string, words: readonly string[]): string {
    const open = this.#dice.chance(0.3) ? this.#dice.below(words.length) : -1
    let text = owner
    for (const [index, word] of words.entries()) {
      if (index === open) text += `${this.#blank()}(${this.#perhapsLineEnd(0.5)}`
      else if (open >= 0 && index > open) text += this.#perhapsLineEnd(0.3)
      text += this.#blank() + word
    }
    if (open >= 0) text += `${this.#perhapsLineEnd(0.5)} )`
    return text + this.#comment()
  }

  #perhapsLineEnd(share: number): string {
    return this.#dice.chance(share) ? `${this.#comment()}\n` : ''
  }

  #blank(): string {
    return this.#dice.pick([' ', ' ', '\t', '  ', ' \t '])
  }

  #comment(): string {
    return this.#dice.chance(0.2) ? this.#dice.pick([' ; a comment', '\t;', ' ;"', ' ; ( x', ';y']) : ''
  }

  #putGenerate(): void {
    const dice = this.#dice
    const start = dice.below(200)
    const range = `${start}-${start + dice.below(20)}${dice.chance(0.3) ? `/${1 + dice.below(5)}` : ''}`
    const offset = dice.below(50) - Math.min(start, 20)
    const shape = `\${${offset},${dice.below(6)},${dice.pick('doxX')}}`
    const nibbles = `\${${dice.below(70_000)},${dice.below(12)},${dice.pick('nN')}}`
    const own = `g${this.#lines.length}`
    const owner = dice.pick([`${own}-$`, `${own}-${shape}`, `${shape}.${own}`, `${nibbles}${own}`])
    const record = dice.pick([
      'A 192.0.2.1',
      'A 10.0.0.$',
      `PTR x${shape}`,
      `CNAME ${shape}.y`,
      `TXT "t $ ${shape}"`,
      'MX "10 m$.example.org."',
    ])
    this.#lines.push(
      `$GENERATE ${range} ${owner} ${dice.below(9999)} ${dice.chance(0.5) ? 'IN ' : ''}${record}`,
    )
    this.#owner = ''
  }
}
