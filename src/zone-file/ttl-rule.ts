import { TYPE } from '../wire/codes.ts'
import { uint32 } from '../wire/octets.ts'
import { MAX_TTL, type RecordHead } from './record-head.ts'

/** The TTL of a record, and what is to be said of where it comes from. */
interface FoundTtl {
  readonly ttl: number | undefined
  readonly warning: string | undefined
}

/** Knows the TTL of records that leave it out. */
export class TtlRule {
  /** Of `$TTL`. */
  default: number | undefined
  #last: number | undefined
  #isWarned = false

  /**
   * The record's own TTL, else that of `$TTL` (RFC 2308 4), else that of the record before (RFC 1035 5.1), for a SOA
   * its minimum. Undefined if there is none at all.
   */
  of({ ttl, type }: RecordHead, rdata: Uint8Array, rdataLength: number): FoundTtl {
    if (ttl !== undefined) {
      this.#last = ttl
      return { ttl, warning: undefined }
    }
    if (this.default !== undefined) return { ttl: this.default, warning: undefined }
    if (this.#last === undefined && type === TYPE.SOA) {
      this.default = Math.min(MAX_TTL, uint32(rdata, rdataLength - 4))
      return {
        ttl: this.default,
        warning: `there is no TTL: the SOA's minimum of ${this.default} is taken`,
      }
    }
    return { ttl: this.#last, warning: this.#warnOnce() }
  }

  /** Takes the TTL of a record that is left out: those behind it were written with it as the last one stated. */
  note(ttl: number | undefined): void {
    this.#last = ttl ?? this.#last
  }

  #warnOnce(): string | undefined {
    if (this.#last === undefined || this.#isWarned) return undefined
    this.#isWarned = true
    return 'there is no TTL and no $TTL: that of the record before is taken'
  }
}
