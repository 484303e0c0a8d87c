import { lowerCaseName } from '../wire/name.ts'
import type { Catalog } from '../zone/catalog.ts'
import type { TunnelNames } from './tunnel-names.ts'

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

  /** Whether static data stands at or below an owner in lower case, or hides it (a delegation or a DNAME above). */
  isTaken(owner: Uint8Array): boolean {
    return this.#catalog.isReserved(owner)
  }
}
