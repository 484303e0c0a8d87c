import { TYPE } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import { soaSerial } from '../zone/serial.ts'

/** Zones whose serial is shown: a time series each. */
const MOST_ZONES = 100

/** The serials of the first hundred zones, by name without the final dot. */
export function zoneSerials(catalog: Pick<Catalog, 'apexes' | 'rrset'>): Readonly<Record<string, number>> {
  const serials: Record<string, number> = {}
  for (const apex of catalog.apexes().slice(0, MOST_ZONES)) {
    const soa = catalog.rrset(apex, TYPE.SOA)?.rdatas[0]
    if (soa !== undefined) serials[formatName(apex).replace(/(?<=.)\.$/, '')] = soaSerial(soa)
  }
  return serials
}
