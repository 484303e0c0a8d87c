import { TYPE } from '../../wire/codes.ts'
import { formatName } from '../../wire/name.ts'
import type { Catalog, RrsetChange } from '../../zone/catalog.ts'
import { soaSerial, soaWithSerial } from '../../zone/serial.ts'
import type { SerialStep } from '../tunnel-store.ts'
import type { ZoneSerials } from './zone-serials.ts'

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

  /** The next SOA records. To be called inside the transaction that the changes belong to. */
  advance(): { readonly changes: readonly RrsetChange[]; readonly steps: readonly SerialStep[] } {
    const changes: RrsetChange[] = []
    const steps: SerialStep[] = []
    for (const { wire, text } of this.#apexes) {
      const soa = this.#catalog.rrset(wire, TYPE.SOA)
      const rdata = soa?.rdatas[0]
      if (soa === undefined || rdata === undefined) continue
      const from = soaSerial(rdata)
      const to = this.#serials.advance(text, from)
      changes.push({ kind: 'put', rrset: { ...soa, rdatas: [soaWithSerial(rdata, to)] } })
      steps.push({ apex: wire, from, to })
    }
    return { changes, steps }
  }
}
