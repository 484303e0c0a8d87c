import { formatIpv6, parseIpv6 } from '../address/ipv6.ts'
import { type Prefix, prefixContains } from '../address/prefix.ts'
import { reverseApex } from '../address/reverse-name.ts'
import type { ZoneSerials } from '../store/sqlite/zone-serials.ts'
import type { PublishedColumns } from '../tunnel/tunnel.ts'
import { TYPE } from '../wire/codes.ts'
import { lowerCaseName, parseName } from '../wire/name.ts'
import { reverseOwner } from '../wire/reverse-name.ts'
import { isAtOrBelow } from '../wire/wire-name.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
import { countLabels } from '../zone/name-key.ts'
import type { Rrset } from '../zone/rrset.ts'
import { soaSerial, soaWithSerial } from '../zone/serial.ts'

const LDH_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/
const NIBBLES_OF_AN_ADDRESS = 32

/** The two records of a tunnel: its AAAA and the PTR that names it. */
export interface TunnelRecords {
  readonly aaaa: Rrset
  readonly ptr: Rrset
}

/**
 * What the live tunnel table says in DNS: AAAA of `nicname.country.<origin>` and PTR of the client's address, exactly
 * while `unreachable >= 0`. Static records of the zone files win: a tunnel is never published over one.
 */
export class TunnelZone {
  readonly origin: string
  readonly reverseApex: string
  readonly #catalog: Catalog
  readonly #serials: ZoneSerials
  readonly #prefix: Prefix
  readonly #ttl: number
  readonly #forwardApex: Uint8Array
  readonly #backwardApex: Uint8Array
  /** Owners of static records where a tunnel's could stand, as latin1 text of the lower-case wire name. */
  readonly #staticOwners = new Set<string>()
  readonly #staticRecords = { forward: 0, reverse: 0 }
  /** Is there a delegation or a DNAME in the zones, so that names can be hidden? */
  #hasCuts = false

  constructor(options: {
    readonly catalog: Catalog
    readonly serials: ZoneSerials
    readonly origin: string
    readonly prefix: Prefix
    /** Seconds. */
    readonly ttl: number
  }) {
    this.origin = options.origin
    this.reverseApex = reverseApex(options.prefix)
    this.#catalog = options.catalog
    this.#serials = options.serials
    this.#prefix = options.prefix
    this.#ttl = options.ttl
    this.#forwardApex = lowerCaseName(wireName(this.origin))
    this.#backwardApex = wireName(this.reverseApex)
    this.#collectStaticOwners()
  }

  /** Whether static data stands at the name of a nicname in a country, or hides it: under a delegation or a DNAME. */
  isReserved(nicname: string, country: string): boolean {
    return this.#isTaken(lowerCaseName(this.#ownerOf(nicname, country)))
  }

  /**
   * The records that stand in DNS for a tunnel; undefined where it is not to be published: it is new, or a row edited
   * by hand has a nicname that is no label, an address outside the prefix or not in canonical text, or a static record stands in its place.
   */
  recordsOf(tunnel: PublishedColumns): TunnelRecords | undefined {
    return tunnel.unreachable < 0 ? undefined : this.#recordsAt(parseIpv6(tunnel.ipv6Client), tunnel)
  }

  #recordsAt(address: Uint8Array | undefined, tunnel: PublishedColumns): TunnelRecords | undefined {
    if (tunnel.unreachable < 0 || address === undefined || !prefixContains(this.#prefix, address))
      return undefined
    if (formatIpv6(address) !== tunnel.ipv6Client) return undefined // another spelling could not be found again by address
    if (!LDH_LABEL.test(tunnel.nicname) || !LDH_LABEL.test(tunnel.country)) return undefined
    const owner = this.#ownerOf(tunnel.nicname, tunnel.country)
    if (this.#isTaken(owner)) return undefined
    const reverse = reverseOwner(address)
    if (this.#isTaken(reverse)) return undefined
    return {
      aaaa: { owner, type: TYPE.AAAA, ttl: this.#ttl, rdatas: [address] },
      ptr: { owner: reverse, type: TYPE.PTR, ttl: this.#ttl, rdatas: [owner] },
    }
  }

  /** What changes in DNS when a tunnel's row goes from `before` to `after` (undefined: no row). */
  changesOf(
    before: PublishedColumns | undefined,
    after: PublishedColumns | undefined,
  ): readonly RrsetChange[] {
    const old = before && this.recordsOf(before)
    const now = after && this.recordsOf(after)
    if (old === undefined && now === undefined) return []
    if (now === undefined) return old === undefined ? [] : [removal(old.aaaa), removal(old.ptr)]
    const put: RrsetChange[] = [
      { kind: 'put', rrset: now.aaaa },
      { kind: 'put', rrset: now.ptr },
    ]
    return old === undefined ? put : [removal(old.aaaa), removal(old.ptr), ...put]
  }

  /** The SOA records with their next serials. To be called inside the transaction that the changes belong to. */
  advanceSerials(): readonly RrsetChange[] {
    const apexes: readonly [string, Uint8Array][] = [
      [this.origin, this.#forwardApex],
      [this.reverseApex, this.#backwardApex],
    ]
    return apexes.flatMap(([name, apex]) => {
      const soa = this.#catalog.rrset(apex, TYPE.SOA)
      const rdata = soa?.rdatas[0]
      if (soa === undefined || rdata === undefined) return []
      const serial = this.#serials.advance(name, soaSerial(rdata))
      return [{ kind: 'put', rrset: { ...soa, rdatas: [soaWithSerial(rdata, serial)] } } as const]
    })
  }

  /** Puts committed changes before the eyes of every reader, in one step. */
  publish(changes: readonly RrsetChange[]): void {
    if (changes.length > 0) this.#catalog.commit(changes)
  }

  /**
   * Publishes the names of all these tunnels in one step, as at start: nobody waits for a part of them. On the way it
   * shows each tunnel's client address, published or not, that is one, so that it need not be read twice.
   */
  publishAll(tunnels: Iterable<PublishedColumns>, show: (address: Uint8Array) => void): void {
    this.#catalog.commit(this.#changesOfAll(tunnels, show), { differences: false })
  }

  *#changesOfAll(
    tunnels: Iterable<PublishedColumns>,
    show: (address: Uint8Array) => void,
  ): Generator<RrsetChange> {
    for (const tunnel of tunnels) {
      const address = parseIpv6(tunnel.ipv6Client)
      if (address !== undefined) show(address)
      const records = this.#recordsAt(address, tunnel)
      if (records === undefined) continue
      yield { kind: 'put', rrset: records.aaaa }
      yield { kind: 'put', rrset: records.ptr }
    }
  }

  /** What differs between the records that a row should have and those that are answered. */
  differencesOf({ aaaa, ptr }: TunnelRecords): readonly RrsetChange[] {
    const differences: RrsetChange[] = []
    if (!this.#catalog.holds(aaaa)) differences.push({ kind: 'put', rrset: aaaa })
    if (!this.#catalog.holds(ptr)) differences.push({ kind: 'put', rrset: ptr })
    return differences
  }

  /** How many records a zone holds at the next owners after `cursor`, for the audit. */
  countAfter(zone: TunnelZoneName, cursor: Uint8Array | undefined, owners: number): RecordCount {
    const { rrsets, last } = this.#catalog.countAfter(this.#apexOf(zone), cursor, owners)
    return { records: rrsets, cursor: last }
  }

  /** How many of a zone's records are static: those that the zone files gave. */
  staticRecords(zone: TunnelZoneName): number {
    return this.#staticRecords[zone]
  }

  /** A slice of the records of tunnels that are answered, after `cursor` in canonical order, for the audit. */
  publishedAfter(zone: TunnelZoneName, cursor: Uint8Array | undefined, limit: number): PublishedSlice {
    const apex = this.#apexOf(zone)
    const type = zone === 'forward' ? TYPE.AAAA : TYPE.PTR
    const rrsets = this.#catalog.walk(apex, cursor, limit)
    return {
      cursor: rrsets.at(-1)?.owner,
      rrsets: rrsets.filter(rrset => rrset.type === type && this.#isDynamicOwner(rrset.owner)),
    }
  }

  /** The nicname and country that an AAAA's owner, or a PTR's target, stands for. */
  nicnameOf(name: Uint8Array): { readonly nicname: string; readonly country: string } | undefined {
    if (name.length <= this.#forwardApex.length) return undefined
    const [nicname, country, ...rest] = labelsOf(name.subarray(0, name.length - this.#forwardApex.length))
    return nicname === undefined || country === undefined || rest.length > 0
      ? undefined
      : { nicname, country }
  }

  /** The client address that a PTR's owner stands for, in canonical text. */
  addressOf(owner: Uint8Array): string | undefined {
    const nibbles = labelsOf(owner).slice(0, NIBBLES_OF_AN_ADDRESS).reverse().join('')
    const octets = Uint8Array.from(Buffer.from(nibbles, 'hex'))
    return octets.length === NIBBLES_OF_AN_ADDRESS / 2 ? formatIpv6(octets) : undefined
  }

  #apexOf(zone: TunnelZoneName): Uint8Array {
    return zone === 'forward' ? this.#forwardApex : this.#backwardApex
  }

  #ownerOf(nicname: string, country: string): Uint8Array {
    const apex = this.#forwardApex
    const owner = new Uint8Array(nicname.length + country.length + 2 + apex.length)
    const behind = putLabel(owner, putLabel(owner, 0, nicname), country)
    owner.set(apex, behind)
    return owner
  }

  /** Whether static data stands at an owner in lower case, or hides it. */
  #isTaken(owner: Uint8Array): boolean {
    if (this.#staticOwners.size > 0 && this.#staticOwners.has(latin1(owner))) return true
    return this.#hasCuts && this.#catalog.isOccluded(owner)
  }

  #isDynamicOwner(owner: Uint8Array): boolean {
    return !this.#staticOwners.has(keyOf(owner)) && this.#couldBeTunnel(owner)
  }

  #couldBeTunnel(owner: Uint8Array): boolean {
    const depth = countLabels(owner, 0)
    const isForward =
      depth === countLabels(this.#forwardApex, 0) + 2 && isAtOrBelow(owner, 0, this.#forwardApex, 0)
    return isForward || (depth === NIBBLES_OF_AN_ADDRESS + 2 && isAtOrBelow(owner, 0, this.#backwardApex, 0))
  }

  /** Runs once, before the first tunnel is published: all that the catalog holds then is static. */
  #collectStaticOwners(): void {
    const forwardDepth = labelsOf(this.#forwardApex).length + 2
    for (const [zone, depth] of [
      ['forward', forwardDepth],
      ['reverse', NIBBLES_OF_AN_ADDRESS + 2],
    ] as const) {
      const apex = this.#apexOf(zone)
      for (let cursor: Uint8Array | undefined; ; ) {
        const rrsets = this.#catalog.walk(apex, cursor, 1000)
        this.#staticRecords[zone] += rrsets.length
        for (const { owner, type } of rrsets) {
          // An owner further down makes an empty non-terminal of the name above it: that name is taken as well.
          const ancestor = ancestorAtDepth(owner, depth)
          if (ancestor !== undefined) this.#staticOwners.add(keyOf(ancestor))
          this.#hasCuts ||= type === TYPE.DNAME || (type === TYPE.NS && owner.length > apex.length)
        }
        const last = rrsets.at(-1)
        if (last === undefined) break
        cursor = last.owner
      }
    }
  }
}

/** The zone of the tunnels' AAAA, or that of their PTR. */
export type TunnelZoneName = 'forward' | 'reverse'

export interface RecordCount {
  readonly records: number
  /** Where the count goes on; undefined: it is complete. */
  readonly cursor: Uint8Array | undefined
}

export interface PublishedSlice {
  readonly rrsets: readonly Rrset[]
  /** Where the next slice begins; undefined: this was the last. */
  readonly cursor: Uint8Array | undefined
}

/** The wire form of a name that the program itself made or the configuration checked. Throws RangeError otherwise. */
export function wireName(text: string): Uint8Array {
  const name = parseName(text)
  if (name === undefined) throw new RangeError(`${text} is not a domain name`)
  return name
}

function removal(rrset: Rrset): RrsetChange {
  return { kind: 'remove', owner: rrset.owner, type: rrset.type }
}

/** Writes a label of ASCII letters; returns where the next one begins. */
function putLabel(name: Uint8Array, at: number, label: string): number {
  name[at] = label.length
  for (let i = 0; i < label.length; i++) name[at + 1 + i] = label.charCodeAt(i)
  return at + 1 + label.length
}

function labelsOf(name: Uint8Array): string[] {
  const labels: string[] = []
  for (let at = 0; at < name.length && name[at] !== 0; at += (name[at] ?? 0) + 1) {
    labels.push(
      Buffer.from(name.subarray(at + 1, at + 1 + (name[at] ?? 0)))
        .toString('latin1')
        .toLowerCase(),
    )
  }
  return labels
}

function ancestorAtDepth(name: Uint8Array, depth: number): Uint8Array | undefined {
  let surplus = countLabels(name, 0) - depth
  if (surplus < 0) return undefined
  let at = 0
  for (; surplus > 0; surplus--) at += (name[at] ?? 0) + 1
  return name.subarray(at)
}

function keyOf(name: Uint8Array): string {
  return latin1(lowerCaseName(name))
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
}
