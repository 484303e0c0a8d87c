import type { Catalog } from '../zone/catalog.ts'
import type { Rrset } from '../zone/rrset.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * Holds one version of a zone as a copy of it, made when its apex is first asked for. It is read from front to back:
 * each walk goes on where the one before has ended.
 */
export class CopiedZone implements Snapshot {
  readonly #catalog: Pick<Catalog, 'walk'>
  #rrsets: readonly Rrset[] | undefined
  #at = 0

  constructor(catalog: Pick<Catalog, 'walk'>) {
    this.#catalog = catalog
  }

  walk(apex: Uint8Array, after: Uint8Array | undefined, limit: number): readonly Rrset[] {
    const rrsets = this.#zone(apex)
    if (after === undefined) this.#at = 0
    const page = rrsets.slice(this.#at, this.#at + limit)
    this.#at += page.length
    return page
  }

  rrset(apex: Uint8Array, type: number): Rrset | undefined {
    return this.#zone(apex).find(rrset => rrset.type === type && rrset.owner.length === apex.length)
  }

  release(): void {
    this.#rrsets = []
  }

  [Symbol.dispose](): void {
    this.release()
  }

  #zone(apex: Uint8Array): readonly Rrset[] {
    this.#rrsets ??= this.#catalog.walk(apex, undefined, Number.POSITIVE_INFINITY)
    return this.#rrsets
  }
}
