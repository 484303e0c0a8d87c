import { isAtOrBelow } from '../../wire/wire-name.ts'
import type { Catalog } from '../../zone/catalog.ts'
import type { Rrset } from '../../zone/rrset.ts'
import { ZoneDigest } from '../../zone/zone-digest.ts'
import { apexText } from './apex-text.ts'

/** Rrsets that are copied out of the table at a time. */
const PAGE = 1000

/** What the zones hold at a start, counted while they are filled. */
export class ZoneDigests {
  readonly #byApex = new Map<string, ZoneDigest>()
  /** The deepest first: a name lies in the first of these zones that it is at or below the apex of. */
  readonly #withTunnels: readonly { readonly apex: Uint8Array; readonly digest: ZoneDigest }[]

  private constructor(withTunnels: readonly Uint8Array[]) {
    this.#withTunnels = withTunnels
      .toSorted((a, b) => b.length - a.length)
      .map(apex => ({ apex, digest: this.of(apex) }))
  }

  /**
   * Counts what zone files gave: the table holds nothing else yet. Tunnels live in the zones of `ofTunnels`, and in those
   * that have an apex below one of theirs, a country's for example.
   */
  static ofStatics(catalog: Pick<Catalog, 'apexes' | 'walk'>, ofTunnels: readonly Uint8Array[]): ZoneDigests {
    const apexes = catalog.apexes()
    const digests = new ZoneDigests(
      apexes.filter(apex => ofTunnels.some(other => isAtOrBelow(apex, 0, other, 0))),
    )
    for (const apex of apexes) {
      const digest = digests.of(apex)
      let page = catalog.walk(apex, undefined, PAGE)
      while (page.length > 0) {
        for (const rrset of page) digest.addRrset(rrset)
        page = catalog.walk(apex, page.at(-1)?.owner, PAGE)
      }
    }
    return digests
  }

  static ofZone(rrsets: readonly Rrset[]): ZoneDigest {
    const digest = new ZoneDigest()
    for (const rrset of rrsets) digest.addRrset(rrset)
    return digest
  }

  of(apex: Uint8Array): ZoneDigest {
    const text = apexText(apex)
    const digest = this.#byApex.get(text) ?? new ZoneDigest()
    this.#byApex.set(text, digest)
    return digest
  }

  /** Counts an rrset of a tunnel in the zone that it lies in. */
  add(rrset: Rrset): void {
    const zone = this.#withTunnels.find(({ apex }) => isAtOrBelow(rrset.owner, 0, apex, 0))
    zone?.digest.addRrset(rrset)
  }
}
