import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../wire/name.ts'
import { octet, uint16, uint32 } from '../wire/octets.ts'

/** Takes fields from rdata, one behind the other. What runs over the end comes back as undefined. */
export class RdataReader {
  readonly octets: Uint8Array
  at = 0

  constructor(octets: Uint8Array) {
    this.octets = octets
  }

  get left(): number {
    return this.octets.length - this.at
  }

  take(length: number): Uint8Array | undefined {
    if (length > this.left) return undefined
    const part = this.octets.subarray(this.at, this.at + length)
    this.at += length
    return part
  }

  takeNumber(width: 1 | 2 | 4): number | undefined {
    const at = this.at
    if (this.take(width) === undefined) return undefined
    if (width === 1) return octet(this.octets, at)
    return width === 2 ? uint16(this.octets, at) : uint32(this.octets, at)
  }

  /** A length octet and that many octets. */
  takeString(): Uint8Array | undefined {
    const length = this.takeNumber(1)
    return length === undefined ? undefined : this.take(length)
  }

  /** An uncompressed name: stored rdata has no pointers. */
  takeName(): Uint8Array | undefined {
    let length = 0
    for (;;) {
      const label = this.octets[this.at + length]
      if (label === undefined || label > MAX_LABEL_LENGTH) return undefined
      length += label + 1
      if (length > MAX_NAME_LENGTH) return undefined
      if (label === 0) return this.take(length)
    }
  }

  takeRest(): Uint8Array {
    return this.take(this.left) ?? new Uint8Array(0)
  }
}
