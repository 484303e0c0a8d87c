import { copyOctets } from './octets.ts'

const MAX_RDATA_LENGTH = 65_535

/** Collects the octets of one name or one rdata. It is emptied and used again, so that a big zone costs no garbage. */
export class OctetWriter {
  readonly octets: Uint8Array
  length = 0
  /** More was written than fits; what did not fit is lost. */
  isOverfull = false

  constructor(capacity: number = MAX_RDATA_LENGTH) {
    this.octets = new Uint8Array(capacity)
  }

  clear(): void {
    this.length = 0
    this.isOverfull = false
  }

  u8(value: number): void {
    if (this.length >= this.octets.length) this.isOverfull = true
    else this.octets[this.length++] = value
  }

  u16(value: number): void {
    this.u8(value >>> 8)
    this.u8(value & 0xff)
  }

  u32(value: number): void {
    this.u16(value >>> 16)
    this.u16(value & 0xffff)
  }

  put(source: Uint8Array): void {
    this.putPart(source, 0, source.length)
  }

  putPart(source: Uint8Array, from: number, to: number): void {
    if (this.length + to - from > this.octets.length) {
      this.isOverfull = true
      return
    }
    copyOctets(source, from, this.octets, this.length, to - from)
    this.length += to - from
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.octets.slice(0, this.length)
  }
}
