/**
 * A second decoder, written apart from the server's and stricter than any client: one octet out of place in a message
 * is an Error that says which.
 */
import { TYPE } from '../../src/wire/codes.ts'

const HEADER_LENGTH = 12
const MAX_NAME_LENGTH = 255

export interface StrictMessage {
  readonly id: number
  readonly flags: number
  readonly opcode: number
  /** Octets of the question; empty where there is none. */
  readonly question: Buffer
  readonly opt: { readonly payloadSize: number; readonly version: number } | undefined
}

/** Reads a message to its last octet, or throws. */
export function readStrictly(octets: Buffer): StrictMessage {
  return new StrictReader(octets).read()
}

class StrictReader {
  readonly #octets: Buffer
  #at = HEADER_LENGTH
  /** Where labels begin: a pointer to anywhere else is wrong, though it may look well. */
  readonly #labels = new Set<number>()
  #opt: StrictMessage['opt']

  constructor(octets: Buffer) {
    this.#octets = octets
    if (octets.length < HEADER_LENGTH) throw new Error(`a header of ${octets.length} octets`)
  }

  read(): StrictMessage {
    const octets = this.#octets
    const [questions = 0, answers = 0, authorities = 0, additionals = 0] = [4, 6, 8, 10].map(count =>
      octets.readUInt16BE(count),
    )
    for (let i = 0; i < questions; i++) {
      this.#plainName()
      this.#skip(4)
    }
    const question = octets.subarray(HEADER_LENGTH, this.#at)
    for (let i = answers + authorities; i > 0; i--) this.#record('data', false)
    for (let i = additionals; i > 0; i--) this.#record('additional', i === 1)
    if (this.#at !== octets.length)
      throw new Error(`${octets.length - this.#at} octets behind the last record`)
    const flags = octets.readUInt16BE(2)
    return { id: octets.readUInt16BE(0), flags, opcode: (flags >> 11) & 15, question, opt: this.#opt }
  }

  #record(section: 'data' | 'additional', isLast: boolean): void {
    const isRoot = this.#octets[this.#at] === 0
    this.#name()
    const fixed = this.#at
    this.#skip(10)
    const type = this.#octets.readUInt16BE(fixed)
    const end = this.#at + this.#octets.readUInt16BE(fixed + 8)
    if (end > this.#octets.length) throw new Error('rdata run over the end')
    if (type === TYPE.OPT) {
      if (section !== 'additional' || !isRoot || this.#opt !== undefined)
        throw new Error('an OPT out of place')
      this.#opt = {
        payloadSize: this.#octets.readUInt16BE(fixed + 2),
        version: this.#octets.readUInt8(fixed + 5),
      }
    }
    if (type === TYPE.TSIG && (section !== 'additional' || !isLast)) throw new Error('a TSIG out of place')
    this.#rdata(type, end)
    if (this.#at !== end) throw new Error(`rdata of type ${type} end at ${this.#at}, not ${end}`)
  }

  #rdata(type: number, end: number): void {
    switch (type) {
      case TYPE.NS:
      case TYPE.CNAME:
      case TYPE.PTR:
        this.#name()
        break
      case TYPE.DNAME:
        this.#plainName()
        break
      case TYPE.MX:
        this.#skip(2)
        this.#name()
        break
      case TYPE.SRV:
        this.#skip(6)
        this.#plainName()
        break
      case TYPE.SOA:
        this.#name()
        this.#name()
        this.#skip(20)
        break
      case TYPE.A:
        this.#skip(4)
        break
      case TYPE.AAAA:
        this.#skip(16)
        break
      case TYPE.TXT:
        do this.#skip(1 + (this.#octets[this.#at] ?? 0))
        while (this.#at < end)
        break
      case TYPE.OPT:
        while (this.#at < end) this.#option(end)
        break
      default:
        this.#at = end
    }
  }

  #option(end: number): void {
    const head = this.#at
    this.#skip(4)
    if (this.#at > end) throw new Error('half an option')
    this.#skip(this.#octets.readUInt16BE(head + 2))
  }

  /** RFC 1035 4.1.4: a pointer says that the rest of the name stood before. */
  #name(): void {
    this.#at = this.#follow({ mayPoint: true })
  }

  #plainName(): void {
    this.#at = this.#follow({ mayPoint: false })
  }

  /** Goes to the end of the name, wherever that is; returns the offset behind it. */
  #follow({ mayPoint }: { mayPoint: boolean }): number {
    let behind = 0
    let length = 0
    for (let at = this.#at, part = at; ; ) {
      const label = this.#octets.readUInt8(at)
      if (label >= 0xc0) {
        const target = this.#octets.readUInt16BE(at) & 0x3fff
        if (!mayPoint) throw new Error(`a pointer at ${at}, where none may be`)
        if (target >= part || !this.#labels.has(target)) throw new Error(`a pointer at ${at} to ${target}`)
        if (behind === 0) behind = at + 2
        at = target
        part = target
        continue
      }
      if (label > 63) throw new Error(`a label of type ${label >> 6} at ${at}`)
      if (behind === 0 && label > 0) this.#labels.add(at)
      length += label + 1
      at += label + 1
      if (length > MAX_NAME_LENGTH) throw new Error('a name of more than 255 octets')
      if (at > this.#octets.length) throw new Error('a label runs over the end')
      if (label === 0) return behind === 0 ? at : behind
    }
  }

  #skip(length: number): void {
    this.#at += length
    if (this.#at > this.#octets.length) throw new Error('a field runs over the end')
  }
}
