import { TYPE } from '../wire/codes.ts'
import { lowerCaseName } from '../wire/name.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'
import type { Catalog } from '../zone/catalog.ts'
import type { TunnelNames, TunnelZoneName } from './tunnel-names.ts'

/** Rrsets read in one walk. */
const WALK = 1000
const MAX_NAME_LENGTH = 255 // RFC 1035 2.3.4

/** The names that zone files give or hide: no tunnel is ever published over static data. */
export class ReservedNames {
  readonly #catalog: Catalog
  readonly #names: TunnelNames
  /** Static owners below the apexes and the names above them, as latin1 text of the lower-case wire name. */
  readonly #taken = new Set<string>()
  /** 1 at the lengths that taken names have: most names are told free by theirs, without a look at their octets. */
  readonly #lengths = new Uint8Array(MAX_NAME_LENGTH + 1)
  readonly #counts = { forward: 0, reverse: 0 }
  /** Is there a delegation or a DNAME in the zones, so that names can be hidden? */
  #hasCuts = false

  /** Is to be made before the first tunnel is published: all that the catalog holds then is static. */
  constructor(catalog: Catalog, names: TunnelNames) {
    this.#catalog = catalog
    this.#names = names
    this.#collect('forward')
    this.#collect('reverse')
  }

  /** Whether static data stands at or below the name of a nicname in a country, or hides it. */
  isReserved(nicname: string, country: string): boolean {
    return this.isTaken(lowerCaseName(this.#names.ownerOf(nicname, country)))
  }

  /** Whether static data stands at or below an owner in lower case, or hides it (a delegation or a DNAME above). */
  isTaken(owner: Uint8Array): boolean {
    if (this.#lengths[owner.length] === 1 && this.#taken.has(latin1(owner))) return true
    return this.#hasCuts && this.#catalog.isOccluded(owner)
  }

  /** Whether the rrsets at an owner are static. Tunnels' names have no static data at or below them. */
  isStatic(owner: Uint8Array): boolean {
    return this.#taken.has(latin1(lowerCaseName(owner)))
  }

  /** How many of a zone's rrsets are static. */
  count(zone: TunnelZoneName): number {
    return this.#counts[zone]
  }

  #collect(zone: TunnelZoneName): void {
    const apex = this.#names.apexOf(zone)
    for (let cursor: Uint8Array | undefined; ; ) {
      const rrsets = this.#catalog.walk(apex, cursor, WALK)
      this.#counts[zone] += rrsets.length
      for (const { owner, type } of rrsets) {
        this.#take(lowerCaseName(owner), apex)
        this.#hasCuts ||= type === TYPE.DNAME || (type === TYPE.NS && owner.length > apex.length)
      }
      cursor = rrsets.at(-1)?.owner
      if (cursor === undefined) return
    }
  }

  /** An owner makes empty non-terminals of the names between it and the apex: those are taken as well. */
  #take(owner: Uint8Array, apex: Uint8Array): void {
    for (let at = 0; isAtOrBelow(owner, at, apex, 0); at += (owner[at] ?? 0) + 1) {
      this.#taken.add(latin1(owner.subarray(at)))
      this.#lengths[owner.length - at] = 1
      if (owner.length - at <= apex.length) return
    }
  }
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
}
