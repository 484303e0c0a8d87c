import { atOnce, type Pausing } from '../shared/in-turns.ts'
import { TYPE, typeText } from '../wire/codes.ts'
import { formatName } from '../wire/name.ts'
import { octet } from '../wire/octets.ts'
import { isAtOrBelow, isSameName, wireNameLength } from '../wire/wire-name.ts'
import type { Rrset } from '../zone/rrset.ts'
import { NameSet } from './name-set.ts'
import type { PlaceList } from './place-list.ts'
import { FaultList, type OnError, type ZoneFault, type ZonePlace } from './zone-fault.ts'

/** Types that may stand beside a CNAME: DNSSEC's (RFC 4034 3, 4; RFC 2535 had KEY). */
const BESIDE_CNAME: ReadonlySet<number> = new Set([TYPE.CNAME, TYPE.RRSIG, TYPE.NSEC, 25])
const PREFERENCE_LENGTH = 2
const AT = 0x40
/** A message counts its records in 16 bits and has as many octets on TCP (RFC 1035 4.1.1, 4.2.2). */
const MAX_RECORDS = 65_535
const MAX_MESSAGE_LENGTH = 65_535
/** A compressed owner, type, class, TTL and rdata length. */
const RECORD_OVERHEAD = 12
/** Rrsets between two pauses: some milliseconds. */
const RRSETS_A_PAUSE = 5000

/** What is said of an rrset; the place is that of its first record. */
type Report = (rrset: Rrset, message: string) => void

interface RuleOptions {
  /** What faults name where `places` does not know better. */
  readonly file: string
  readonly places?: PlaceList
  readonly onError?: OnError
  /** Whether all of the zone was read, so that what is missing is missing. */
  readonly isWhole?: boolean
}

/** What breaks a rule, and what is left to be served. */
interface Judged {
  readonly faults: readonly ZoneFault[]
  readonly rrsets: readonly Rrset[]
}

/** The reports of one check. */
interface Reports {
  readonly error: Report
  readonly warning: Report
}

/** The owners of the zone that rules speak of. */
interface Owners {
  readonly cnames: NameSet
  readonly dnames: NameSet
  /** Owners of A or AAAA, as far as a name server's name leads to them. */
  readonly addresses: NameSet
  /** Owners of NSEC3: hashes, which are no names of the zone (RFC 5155 7.2.8). */
  readonly hashes: NameSet
}

/**
 * Looks for what no single record shows: an apex without SOA or NS, a CNAME with company, data outside the zone, name
 * servers without an address. Data outside the zone are left out of what is served, and with `skip-record` the rrsets
 * that break a rule.
 */
export function checkZone(apex: Uint8Array, rrsets: readonly Rrset[], options: RuleOptions): Judged {
  return atOnce(checkZoneSlowly(apex, rrsets, options))
}

/** The same, with pauses. */
export function* checkZoneSlowly(
  apex: Uint8Array,
  rrsets: readonly Rrset[],
  { file, places, onError = 'refuse-zone', isWhole = true }: RuleOptions,
): Pausing<Judged> {
  const faults = new FaultList(onError)
  const leftOut = new Set<Rrset>()
  const indexes = new Map<Rrset, number>()
  const placeOf = (rrset: Rrset): ZonePlace => {
    if (indexes.size === 0) for (const [index, each] of rrsets.entries()) indexes.set(each, index)
    return places?.at(indexes.get(rrset) ?? -1) ?? { file, line: 0, column: 0 }
  }
  const error: Report = (rrset, message) => {
    leftOut.add(rrset)
    faults.recordError(placeOf(rrset), `${describe(rrset)}: ${message}`)
  }
  const warning: Report = (rrset, message) => faults.warning(placeOf(rrset), `${describe(rrset)}: ${message}`)

  const owners = yield* collectOwners(apex, rrsets)
  let looked = 0
  for (const rrset of rrsets) {
    if (++looked % RRSETS_A_PAUSE === 0) yield
    if (!isAtOrBelow(rrset.owner, 0, apex, 0)) {
      // As named and knotd have it; nsd refuses the zone.
      leftOut.add(rrset)
      warning(rrset, `is left out: it lies outside the zone ${formatName(apex)}`)
      continue
    }
    if (isOfHash(rrset, owners)) {
      leftOut.add(rrset)
      continue
    }
    checkSize(rrset, { error, warning })
    checkSoa(apex, rrset, { error, warning })
    checkAliases(rrset, owners, error)
    checkTargets(rrset, { apex, owners, isWhole }, { error, warning })
    if (faults.isFull) break
  }
  const served = leftOut.size === 0 ? rrsets : rrsets.filter(rrset => !leftOut.has(rrset))
  const there = faults.skipsRecords ? served : rrsets // what is refused is not missing too
  if (isWhole)
    for (const message of missingAtApex(apex, there)) faults.error({ file, line: 0, column: 0 }, message)
  return { faults: faults.faults, rrsets: served }
}

function describe(rrset: Rrset): string {
  return `${formatName(rrset.owner)} ${typeText(rrset.type)}`
}

/** RFC 1035 5.2: one SOA, at the top. RFC 1034 4.2.1: the zone's own NS are a part of it. */
function missingAtApex(apex: Uint8Array, rrsets: readonly Rrset[]): string[] {
  return [TYPE.SOA, TYPE.NS]
    .filter(type => !rrsets.some(rrset => rrset.type === type && isSameName(rrset.owner, 0, apex, 0)))
    .map(type => `${formatName(apex)} has no ${typeText(type)}`)
}

/** RFC 2181 5: an rrset is answered whole or not at all. */
function checkSize(rrset: Rrset, { error, warning }: Reports): void {
  const { rdatas } = rrset
  if (rdatas.length > MAX_RECORDS)
    error(rrset, `there are ${rdatas.length} records, and no message holds them`)
  else if (rdatas.reduce((sum, { length }) => sum + length + RECORD_OVERHEAD, 0) > MAX_MESSAGE_LENGTH) {
    warning(rrset, 'is never answered: it fits no message')
  }
}

function checkSoa(apex: Uint8Array, rrset: Rrset, { error, warning }: Reports): void {
  if (rrset.type === TYPE.RRSIG && isSameName(rrset.owner, 0, apex, 0))
    warning(rrset, 'the zone is signed, and its signatures are answered only where they are asked for')
  if (rrset.type !== TYPE.SOA) return
  if (rrset.rdatas.length > 1) error(rrset, 'there are two or more, and a zone has one')
  if (!isSameName(rrset.owner, 0, apex, 0)) error(rrset, `stands below the apex ${formatName(apex)}`)
  const [rdata = new Uint8Array(0)] = rrset.rdatas
  const mailbox = wireNameLength(rdata, 0)
  if (rdata.subarray(mailbox + 1, mailbox + 1 + octet(rdata, mailbox)).includes(AT))
    warning(rrset, 'the mailbox has an @: it is written with a dot, as in hostmaster.example.net.') // RFC 1035 8
}

/** RFC 2181 10.1 and RFC 1034 3.6.2 on CNAME, RFC 6672 2.4 on DNAME. */
function checkAliases(rrset: Rrset, owners: Owners, error: Report): void {
  const isSingle = rrset.type === TYPE.CNAME || rrset.type === TYPE.DNAME
  if (isSingle && rrset.rdatas.length > 1) error(rrset, 'there are two or more, and a name has one')
  if (owners.cnames.size === 0 && owners.dnames.size === 0) return
  if (!BESIDE_CNAME.has(rrset.type) && owners.cnames.has(rrset.owner)) {
    error(rrset, 'stands beside a CNAME')
  }
  // nsd and knotd refuse the zone, named serves what nobody can reach.
  if (owners.dnames.size > 0 && hasAncestorIn(owners.dnames, rrset.owner)) {
    error(rrset, 'lies below a DNAME')
  }
}

/** RFC 2181 10.3: NS and MX name no alias. RFC 1034 4.2.2: a server inside the zone needs its address there. */
function checkTargets(
  rrset: Rrset,
  { apex, owners, isWhole }: { apex: Uint8Array; owners: Owners; isWhole: boolean },
  { error, warning }: Reports,
): void {
  if (rrset.type !== TYPE.NS && rrset.type !== TYPE.MX) return
  for (const rdata of rrset.rdatas) {
    const target = rrset.type === TYPE.MX ? rdata.subarray(PREFERENCE_LENGTH) : rdata
    if (!isAtOrBelow(target, 0, apex, 0)) continue
    if (owners.cnames.has(target)) warning(rrset, `${formatName(target)} is a CNAME`)
    else if (rrset.type === TYPE.NS && isHidden(target, rrset, { apex, owners }))
      error(rrset, `${formatName(target)} lies below a DNAME`)
    else if (rrset.type === TYPE.NS && isWhole && !owners.addresses.has(target)) {
      warning(rrset, `${formatName(target)} has no address in the zone`)
    }
  }
}

/** The zone's own server can't have an address below a DNAME: named and knotd refuse that, of a cut knotd alone. */
function isHidden(
  target: Uint8Array,
  { owner }: Rrset,
  { apex, owners }: { apex: Uint8Array; owners: Owners },
): boolean {
  return owners.dnames.size > 0 && isSameName(owner, 0, apex, 0) && hasAncestorIn(owners.dnames, target)
}

function* collectOwners(apex: Uint8Array, rrsets: readonly Rrset[]): Pausing<Owners> {
  const owners = {
    cnames: new NameSet(),
    dnames: new NameSet(),
    addresses: new NameSet(),
    hashes: new NameSet(),
  }
  const servers = new NameSet()
  let looked = 0
  for (const { owner, type, rdatas } of rrsets) {
    if (++looked % RRSETS_A_PAUSE === 0) yield
    if (!isAtOrBelow(owner, 0, apex, 0)) continue // it is left out: a DNAME above the apex hides nothing
    if (type === TYPE.CNAME) owners.cnames.add(owner)
    else if (type === TYPE.DNAME) owners.dnames.add(owner)
    else if (type === TYPE.NSEC3) owners.hashes.add(owner)
    else if (type === TYPE.NS) {
      for (const target of rdatas) if (isAtOrBelow(target, 0, apex, 0)) servers.add(target)
    }
  }
  yield
  for (const { owner, type } of rrsets) {
    if ((type === TYPE.A || type === TYPE.AAAA) && servers.has(owner)) owners.addresses.add(owner)
  }
  return owners
}

/** NSEC3 and their signatures. */
function isOfHash({ owner, type }: Rrset, { hashes }: Owners): boolean {
  return type === TYPE.NSEC3 || (type === TYPE.RRSIG && hashes.has(owner))
}

/** Whether a name above this one, itself not counted, is among the names. */
function hasAncestorIn(names: NameSet, name: Uint8Array): boolean {
  for (let at = 0; octet(name, at) !== 0; ) {
    at += octet(name, at) + 1
    if (names.has(name, at)) return true
  }
  return false
}
