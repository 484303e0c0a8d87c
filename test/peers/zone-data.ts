import { canonicalRdata } from '../../src/text/rdata.ts'
import { CLASS, TYPE } from '../../src/wire/codes.ts'
import { lowerCaseName } from '../../src/wire/name.ts'
import { parseZone } from '../engine/zones.ts'
import type { WireRecord } from '../wire-reader.ts'
import { recordText } from './record-text.ts'

/** Every record that the zone files hold, so that one can be told from a record that a wildcard stands for. */
export class ZoneData {
  readonly #records = new Set<string>()
  /** By apex and owner. */
  readonly #addresses = new Map<string, WireRecord[]>()

  add(masterFile: string): void {
    const { apex, rrsets } = parseZone(masterFile)
    for (const { owner, type, ttl, rdatas } of rrsets) {
      for (const rdata of rdatas) {
        const canonical = Buffer.from(canonicalRdata(type, rdata))
        const record = {
          owner: Buffer.from(lowerCaseName(owner)),
          type,
          class: CLASS.IN,
          ttl,
          rdata: canonical,
        }
        this.#records.add(recordText(record))
        if (type === TYPE.A || type === TYPE.AAAA) this.#addAddress(hexOf(apex), record)
      }
    }
  }

  /** The addresses of a name that a zone holds, its own data or glue. Both are given in lower case, the apex as hex. */
  addressesOf(name: Buffer, apex: string): readonly WireRecord[] {
    return this.#addresses.get(`${apex} ${name.toString('hex')}`) ?? []
  }

  has(record: WireRecord): boolean {
    return this.#records.has(recordText(record))
  }

  #addAddress(apex: string, record: WireRecord): void {
    const key = `${apex} ${hexOf(record.owner)}`
    const addresses = this.#addresses.get(key)
    if (addresses === undefined) this.#addresses.set(key, [record])
    else addresses.push(record)
  }
}

function hexOf(name: Uint8Array): string {
  return Buffer.from(lowerCaseName(name)).toString('hex')
}
