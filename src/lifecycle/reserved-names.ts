import { lowerCaseName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import type { TunnelNames } from './tunnel-names.ts'

/** A label that no zone file has below a country, and no nicname is. */
const IN_NO_FILE = '\u0000'

/** The names that zone files give or hide: no tunnel is ever published over static data. */
export class ReservedNames {
  readonly #catalog: Pick<Catalog, 'isReserved'>
  readonly #names: TunnelNames

  constructor(catalog: Pick<Catalog, 'isReserved'>, names: TunnelNames) {
    this.#catalog = catalog
    this.#names = names
  }

  /** Whether static data stands at or below the name of a nicname in a country, or hides it. */
  isReserved(nicname: string, country: string): boolean {
    return this.isTaken(lowerCaseName(this.#names.ownerOf(nicname, country)))
  }

  /** Whether every name in a country is reserved: its own zone does not load, or a delegation or a DNAME hides it. */
  isCountryReserved(country: string): boolean {
    return this.isReserved(IN_NO_FILE, country)
  }

  /** Whether static data stands at or below an owner in lower case, or hides it (a delegation or a DNAME above). */
  isTaken(owner: Uint8Array): boolean {
    return this.#catalog.isReserved(owner)
  }
}
