/** Tells by eight octets whether a zone holds the same records as when they were noted. */
import { TYPE } from '../wire/codes.ts'
import { lowerCase, octet, putUint32, uint32 } from '../wire/octets.ts'
import type { Rrset } from './rrset.ts'
import { soaWithSerial } from './serial.ts'
import type { ZoneRecord } from './zone-record.ts'

const DIGEST_LENGTH = 8

const SEED_ONE = 0x9e3779b9
const SEED_TWO = 0x85ebca6b
const FACTOR_ONE = 0x01000193
const FACTOR_TWO = 0x5bd1e995

/**
 * The sum of a number for each record, so that records may come in any order and a commit costs what it changes. It is
 * against accidents: a zone file or a row that was edited while nobody looked. The serial of a SOA is left out.
 */
export class ZoneDigest {
  #one = 0
  #two = 0

  /** Goes on from what `octets` gave. */
  static from(octets: Uint8Array): ZoneDigest {
    const digest = new ZoneDigest()
    digest.#one = uint32(octets, 0) | 0
    digest.#two = uint32(octets, 4) | 0
    return digest
  }

  addRrset({ owner, type, ttl, rdatas }: Rrset): void {
    for (const rdata of rdatas) this.#count({ owner, type, ttl, rdata }, 1)
  }

  add(record: ZoneRecord): void {
    this.#count(record, 1)
  }

  remove(record: ZoneRecord): void {
    this.#count(record, -1)
  }

  octets(): Uint8Array {
    const octets = new Uint8Array(DIGEST_LENGTH)
    putUint32(octets, 0, this.#one >>> 0)
    putUint32(octets, 4, this.#two >>> 0)
    return octets
  }

  #count({ owner, type, ttl, rdata }: ZoneRecord, times: 1 | -1): void {
    let one = Math.imul(SEED_ONE ^ type, FACTOR_ONE) ^ ttl
    let two = Math.imul(SEED_TWO ^ ttl, FACTOR_TWO) ^ type
    for (let at = 0; at < owner.length; at++) {
      const value = lowerCase(octet(owner, at)) // no length octet is a letter
      one = Math.imul(one ^ value, FACTOR_ONE)
      two = Math.imul(two + value, FACTOR_TWO)
      two ^= two >>> 15
    }
    const counted = type === TYPE.SOA ? soaWithSerial(rdata, 0) : rdata
    for (let at = 0; at < counted.length; at++) {
      const value = octet(counted, at)
      one = Math.imul(one ^ value, FACTOR_ONE)
      two = Math.imul(two + value, FACTOR_TWO)
      two ^= two >>> 15
    }
    one ^= two >>> 7
    this.#one = (this.#one + Math.imul(one, times)) | 0
    this.#two = (this.#two + Math.imul(two, times)) | 0
  }
}
