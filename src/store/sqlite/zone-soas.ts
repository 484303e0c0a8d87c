import { TYPE } from '../../wire/codes.ts'
import { formatName } from '../../wire/name.ts'
import { isSameName } from '../../wire/wire-name.ts'
import type { Catalog, RrsetChange } from '../../zone/catalog.ts'
import type { Rrset } from '../../zone/rrset.ts'
import { nextSerial, soaSerial, soaWithSerial } from '../../zone/serial.ts'
import type { SerialStep } from '../tunnel-store.ts'
import { laterSerial } from './later-serial.ts'
import type { ZoneSerials } from './zone-serials.ts'

interface SoaStep {
  readonly changes: readonly RrsetChange[]
  readonly steps: readonly SerialStep[]
}

/** The SOA records of the zones that tunnels live in, which every commit of names brings forward. */
export class ZoneSoas {
  readonly #catalog: Catalog
  readonly #serials: ZoneSerials
  readonly #apexes: readonly { readonly wire: Uint8Array; readonly text: string }[]

  constructor(catalog: Catalog, serials: ZoneSerials, apexes: readonly Uint8Array[]) {
    this.#catalog = catalog
    this.#serials = serials
    this.#apexes = apexes.map(wire => ({ wire, text: formatName(wire).replace(/\.$/, '') }))
  }

  /** The SOA records of a start, later than those that were written last. To be called inside a transaction. */
  start(): SoaStep {
    return this.#step([], serial => serial)
  }

  /**
   * The next SOA records, for changes that may hold new ones. To be called inside the transaction that they belong to.
   */
  advance(changes: readonly RrsetChange[]): SoaStep {
    return this.#step(changes, nextSerial)
  }

  /** The SOA records with the serials that were written last, for a start that can't write. */
  standing(): readonly RrsetChange[] {
    return this.#apexes.flatMap(({ wire, text }) => {
      const soa = this.#catalog.rrset(wire, TYPE.SOA)
      const rdata = soa?.rdatas[0]
      if (soa === undefined || rdata === undefined) return []
      const serial = this.#serials.standing(text, soaSerial(rdata))
      return [{ kind: 'put', rrset: { ...soa, rdatas: [soaWithSerial(rdata, serial)] } }]
    })
  }
  #step(given: readonly RrsetChange[], floorOf: (served: number) => number): SoaStep {
    const changes: RrsetChange[] = []
    const steps: SerialStep[] = []
    for (const { wire, text } of this.#apexes) {
      const served = this.#catalog.rrset(wire, TYPE.SOA)
      const soa = soaAmong(given, wire) ?? served
      const rdata = soa?.rdatas[0]
      const servedRdata = served?.rdatas[0]
      if (soa === undefined || rdata === undefined || servedRdata === undefined) continue
      const from = soaSerial(servedRdata)
      const to = this.#serials.advance(text, laterSerial(floorOf(from), soaSerial(rdata)))
      changes.push({ kind: 'put', rrset: { ...soa, rdatas: [soaWithSerial(rdata, to)] } })
      steps.push({ apex: wire, from, to })
    }
    return { changes, steps }
  }
}

function soaAmong(changes: readonly RrsetChange[], apex: Uint8Array): Rrset | undefined {
  for (const change of changes) {
    if (change.kind !== 'put' || change.rrset.type !== TYPE.SOA) continue
    if (isSameName(change.rrset.owner, 0, apex, 0)) return change.rrset
  }
  return undefined
}
