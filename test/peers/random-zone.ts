import { fits, isAtOrBelow, keyOf, type Name, textOf } from './labels.ts'
import type { Random } from './random.ts'
import { DATA_TYPES, rdataOf } from './random-rdata.ts'

export interface ZoneRecord {
  readonly owner: Name
  readonly ttl: number
  readonly type: string
  /** In master-file notation. */
  readonly rdata: string
}

interface Rrset {
  readonly ttl: number
  readonly rdatas: Set<string>
}

/** What a zone grows from. */
interface Soil {
  readonly random: Random
  readonly labels: readonly string[]
  /** Gives a name of another zone, served or not. */
  readonly foreign: () => Name
  /** The other zones that names are shared with. */
  readonly neighbours: () => readonly RandomZone[]
  readonly oddity: Oddity
}

interface Owner {
  readonly name: Name
  readonly rrsets: Map<string, Rrset>
}

const TTLS = [0, 1, 60, 300, 3600, 86_400, 604_800] as const
/** Types of which a name has one record (RFC 2181 10.1, RFC 6672 2.4; RESINFO in named). */
const SINGLE: ReadonlySet<string> = new Set(['CNAME', 'DNAME', 'SOA', 'TYPE261'])
const LONG_LABEL = 'L'.repeat(63)

/**
 * What some servers refuse to load, and others answer from: a wildcard that owns NS (RFC 4592 4.2 leaves open what it
 * means), and a DNAME above the apex of another zone.
 */
export type Oddity = 'none' | 'wildcard NS' | 'DNAME above another zone'

/**
 * A zone that grows at random, but keeps what every server demands of one: a CNAME stands alone, no NS is beside a
 * DNAME, nothing has an owner over 255 octets. Its names are made of few labels, so that what is put in meets: data
 * come to lie under cuts, wildcards beside names, aliases on aliases.
 */
export class RandomZone {
  readonly apex: Name
  /** Labels that its names are made of. */
  readonly labels: readonly string[]
  readonly #random: Random
  readonly #foreign: () => Name
  readonly #neighbours: () => readonly RandomZone[]
  readonly #oddity: Oddity
  readonly #owners = new Map<string, Owner>()

  constructor(apex: Name, { random, labels, foreign, neighbours, oddity }: Soil) {
    this.apex = apex
    this.#neighbours = neighbours
    this.#oddity = oddity
    this.labels = labels
    this.#random = random
    this.#foreign = foreign
    this.#addApex()
  }

  records(): ZoneRecord[] {
    return [...this.#owners.values()].flatMap(({ name, rrsets }) =>
      [...rrsets].flatMap(([type, { ttl, rdatas }]) =>
        [...rdatas].map(rdata => ({ owner: name, ttl, type, rdata })),
      ),
    )
  }

  names(): readonly Name[] {
    return [...this.#owners.values()].map(({ name }) => name)
  }

  /** Adds something at so many places. */
  grow(places: number): void {
    if (this.#random.chance(0.2)) this.#addRrset(this.apex, 'DNAME')
    for (let i = 0; i < places; i++) {
      const add = this.#random.weighted<(owner: Name) => void>([
        [20, owner => this.#addRrset(owner, this.#random.pick(['A', 'AAAA']))],
        [20, owner => this.#addRrset(owner, this.#random.pick(DATA_TYPES))],
        [15, owner => this.#addRrset(owner, 'CNAME')],
        [6, owner => this.#addRrset(owner, 'DNAME')],
        [12, owner => this.cut(owner)],
        [3, owner => this.#addRrset(owner, 'DS')],
        [2, owner => this.#addLarge(owner)],
        [2, () => this.#addRing()],
        [2, () => this.#addLongDname()],
      ])
      add(this.#place())
    }
  }

  /** A delegation (RFC 1034 4.2), with servers of every kind, with glue or without, with DS or without. */
  cut(owner: Name): void {
    const random = this.#random
    if (owner.length === this.apex.length) return
    const servers = random.weighted([
      [90, random.between(1, 3)],
      [10, random.between(8, 14)],
    ])
    for (let i = 0; i < servers; i++) this.add(owner, 'NS', textOf(this.#server(owner, i)))
    if (random.chance(0.5)) this.#addRrset(owner, 'DS')
    if (random.chance(0.4))
      this.#addRrset([random.pick(this.labels), ...owner], random.pick(['TXT', 'CNAME', 'DNAME', 'DS']))
    const nested = [random.pick(this.labels), ...owner]
    if (random.chance(0.2) && fits(nested)) this.add(nested, 'NS', textOf(nested))
  }

  /** Adds a record where the rules allow one. */
  add(owner: Name, type: string, rdata: string): void {
    if (!fits(owner) || !isAtOrBelow(owner, this.apex)) return
    const key = keyOf(owner)
    const rrsets = this.#owners.get(key)?.rrsets ?? new Map<string, Rrset>()
    if (!this.#isAllowed(owner, type, rrsets)) return
    const rrset = rrsets.get(type) ?? { ttl: this.#random.pick(TTLS), rdatas: new Set() }
    if (SINGLE.has(type) && rrset.rdatas.size > 0) return
    rrset.rdatas.add(rdata)
    rrsets.set(type, rrset)
    if (!this.#owners.has(key)) this.#owners.set(key, { name: owner, rrsets })
  }

  #isAllowed(owner: Name, type: string, rrsets: ReadonlyMap<string, Rrset>): boolean {
    const isApex = owner.length === this.apex.length
    if (this.#meetsDname(owner, type)) return false
    if (type === 'CNAME') return !isApex && (rrsets.size === 0 || rrsets.has('CNAME'))
    if (rrsets.has('CNAME')) return false
    // named takes a DS of the apex's server, glue in its eyes, for one of the apex, and does not load the zone.
    if (type === 'DS') return !isApex && !(owner[0] === 'ns' && owner.length === this.apex.length + 1)
    if (type === 'NS')
      return isApex || (!rrsets.has('DNAME') && (owner[0] !== '*' || this.#oddity === 'wildcard NS'))
    return (
      type !== 'DNAME' ||
      (isApex ? !rrsets.get('NS')?.rdatas.has(textOf(['ns', ...owner])) : !rrsets.has('NS'))
    )
  }

  /** Would it lie below a DNAME, or be a DNAME with something below? nsd looks across the borders of zones. */
  #meetsDname(owner: Name, type: string): boolean {
    const zones = this.#oddity === 'DNAME above another zone' ? [this] : [this, ...this.#neighbours()]
    return zones.some(zone => zone.#hidesBelow(owner) || (type === 'DNAME' && zone.#hasBelow(owner)))
  }

  #hidesBelow(name: Name): boolean {
    return name.some((_, i) => i > 0 && this.#owners.get(keyOf(name.slice(i)))?.rrsets.has('DNAME'))
  }

  #hasBelow(name: Name): boolean {
    return this.names().some(other => other.length > name.length && isAtOrBelow(other, name))
  }

  /** named wants servers inside the zone to have an address there, and no DNAME above it. */
  #addApex(): void {
    const { apex } = this
    const random = this.#random
    const serial = random.pick([0, 1, 2_147_483_648, 4_294_967_295])
    this.add(
      apex,
      'SOA',
      `${textOf(['ns', ...apex])} ${textOf(['h.m', 'invalid'])} ${serial} 3600 600 86400 ${random.pick(TTLS)}`,
    )
    this.add(apex, 'NS', textOf(['ns', 'invalid']))
    const other = this.#foreign()
    if (!isAtOrBelow(other, apex) && fits(other)) this.add(apex, 'NS', textOf(other))
    if (random.chance(0.2)) return
    this.#addRrset(['ns', ...apex], 'A')
    this.add(apex, 'NS', textOf(['ns', ...apex]))
  }

  #addRrset(owner: Name, type: string): void {
    for (let i = this.#random.pick([1, 1, 1, 2, 3]); i > 0; i--) this.add(owner, type, this.#rdata(type))
  }

  /** More than 512 or 1232 octets hold. No MX: knotd 3.2.6 never ends where it adds the addresses of so many hosts. */
  #addLarge(owner: Name): void {
    const type = this.#random.pick(['A', 'AAAA', 'TXT', 'PTR', 'TYPE65280'])
    for (let i = this.#random.between(10, 70); i > 0; i--) this.add(owner, type, this.#rdata(type))
  }

  /** CNAMEs that lead to each other. */
  #addRing(): void {
    const owners = this.#random.list(this.#random.between(1, 3), () => this.#place())
    for (const [i, owner] of owners.entries())
      this.add(owner, 'CNAME', textOf(owners[(i + 1) % owners.length] ?? owner))
  }

  /** A DNAME whose substitution may be over 255 octets (RFC 6672 2.2). */
  #addLongDname(): void {
    const labels = this.#random.list(this.#random.between(2, 4), () =>
      LONG_LABEL.slice(this.#random.below(30)),
    )
    const target = [...labels, ...this.#under()]
    if (fits(target)) this.add(this.#place(), 'DNAME', textOf(target))
  }

  #rdata(type: string): string {
    return rdataOf(type, { random: this.#random, target: () => this.target() })
  }

  /** A name server's name for a cut, with the glue it needs, or without. */
  #server(cut: Name, index: number): Name {
    const random = this.#random
    const name = random.weighted<Name>([
      [45, [`ns${index}`, ...cut]],
      [5, cut],
      [20, [`ns${index}`, ...random.pick(this.names())]],
      [20, this.target()],
      [10, this.#foreign()],
    ])
    if (!fits(name)) return ['ns', 'invalid']
    if (random.chance(0.75)) this.#addRrset(name, 'A')
    if (random.chance(0.5)) this.#addRrset(name, 'AAAA')
    return name
  }

  /** Where something new goes: a new name, one that is there, or the wildcard beside or below one. */
  #place(): Name {
    const random = this.#random
    const name = random.weighted<Name>([
      [50, this.#under()],
      [15, random.pick(this.names())],
      [15, [random.pick(this.labels), ...random.pick(this.names())]],
      [10, ['*', ...random.pick(this.names())]],
      [10, ['*', ...this.#under().slice(1)]],
    ])
    return fits(name) && isAtOrBelow(name, this.apex) ? name : this.apex
  }

  #under(): Name {
    return [
      ...this.#random.list(this.#random.pick([1, 1, 2, 2, 3, 4]), () => this.#random.pick(this.labels)),
      ...this.apex,
    ]
  }

  /** A name for rdata to point at. */
  target(): Name {
    const random = this.#random
    const name = random.weighted<Name>([
      [35, random.pick([this.apex, ...this.names()])],
      [30, this.#under()],
      [15, [random.pick(this.labels), ...random.pick([this.apex, ...this.names()])]],
      [15, this.#foreign()],
      [4, this.apex],
      [1, []],
    ])
    return fits(name) ? name : this.apex
  }
}

/** The master file: absolute names alone, letters in either case. */
export function zoneText(zone: RandomZone, random: Random): string {
  return zone
    .records()
    .map(
      ({ owner, ttl, type, rdata }) => `${textOf(inMixedCase(owner, random))} ${ttl} IN ${type} ${rdata}\n`,
    )
    .join('')
}

export function inMixedCase(name: Name, random: Random): Name {
  return random.chance(0.7) ? name : name.map(label => (random.chance(0.5) ? inUpperCase(label) : label))
}

/** ASCII letters alone: other octets have no case. */
function inUpperCase(label: string): string {
  return label.replaceAll(/[a-z]/g, letter => letter.toUpperCase())
}
