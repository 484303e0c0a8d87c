/** How a zone differs from one serial to a later one, as the journal keeps it and an IXFR sends it (RFC 1995 4). */
import { TYPE } from '../wire/codes.ts'
import { lowerCaseName } from '../wire/name.ts'
import type { Rrset } from './rrset.ts'
import type { RrsetDifference } from './rrset-difference.ts'
import { decodeRecords, encodeRecords, recordsIn, type ZoneRecord } from './zone-record.ts'

/** Both lists as `encodeRecords` writes them; the first record of each is the SOA, with serial `from` or `to`. */
export interface ZoneDifference {
  readonly from: number
  readonly to: number
  readonly removed: Uint8Array
  readonly added: Uint8Array
}

/** Octets of differences that are condensed at a time: some thousand records, a few milliseconds. */
const MOST_CONDENSED = 262_144

/** What a commit removes from the zone at `apex` and adds to it. All differences are that zone's, its SOA among them. */
export function recordLists(
  apex: Uint8Array,
  differences: readonly RrsetDifference[],
): { readonly removed: readonly ZoneRecord[]; readonly added: readonly ZoneRecord[] } {
  const removed: ZoneRecord[] = []
  const added: ZoneRecord[] = []
  const soa = differences.find(difference => isSoa(difference, apex))
  if (soa !== undefined) listRecords(soa, { removed, added })
  for (const difference of differences) if (difference !== soa) listRecords(difference, { removed, added })
  return { removed, added }
}

function listRecords(
  { before, after }: RrsetDifference,
  { removed, added }: { readonly removed: ZoneRecord[]; readonly added: ZoneRecord[] },
): void {
  for (const record of recordsWithout(before, after)) removed.push(record)
  for (const record of recordsWithout(after, before)) added.push(record)
}

function isSoa({ owner, type }: RrsetDifference, apex: Uint8Array): boolean {
  return type === TYPE.SOA && owner.length === apex.length
}

/** RFC 2181 5.2: records of one rrset share their TTL, so that another TTL makes other records of all. */
function recordsWithout(rrset: Rrset | undefined, other: Rrset | undefined): readonly ZoneRecord[] {
  if (rrset === undefined) return []
  const records = recordsIn(rrset)
  if (other?.ttl !== rrset.ttl) return records
  const kept = new Set(other.rdatas.map(latin1))
  return records.filter(({ rdata }) => !kept.has(latin1(rdata)))
}

/**
 * The records of an incremental transfer between its first and its last SOA: for each step the SOA before it, what it
 * removes, the SOA after it, and what it adds (RFC 1995 4). Steps are put together as far as they are small, and what
 * has come and gone within them is left out (RFC 1995 5).
 */
export function* stepRecords(
  differences: Iterator<ZoneDifference, undefined>,
): Generator<ZoneRecord, undefined> {
  let gathered: ZoneDifference[] = []
  let octets = 0
  for (let next = differences.next().value; next !== undefined; next = differences.next().value) {
    const length = next.removed.length + next.added.length
    if (octets > 0 && octets + length > MOST_CONDENSED) {
      yield* condensed(gathered)
      gathered = []
      octets = 0
    }
    gathered.push(next)
    octets += length
  }
  yield* condensed(gathered)
}

/** One step in place of several that follow each other. */
function* condensed(differences: readonly ZoneDifference[]): Generator<ZoneRecord, undefined> {
  const [first, last] = [differences[0], differences.at(-1)]
  if (first === undefined || last === undefined) return
  if (first === last) {
    yield* decodeRecords(first.removed)
    yield* decodeRecords(first.added)
    return
  }
  const changes = netChanges(differences)
  const [before] = decodeRecords(first.removed)
  const [after] = decodeRecords(last.added)
  if (before !== undefined) yield before
  for (const { record, count } of changes) if (count < 0) yield record
  if (after !== undefined) yield after
  for (const { record, count } of changes) if (count > 0) yield record
}

interface NetChange {
  readonly record: ZoneRecord
  count: number
}

/** How often each record has come more than gone, the steps' SOA records left out. */
function netChanges(differences: readonly ZoneDifference[]): Iterable<NetChange> {
  const byRecord = new Map<string, NetChange>()
  const note = (records: Uint8Array, step: 1 | -1) => {
    const [, ...others] = decodeRecords(records)
    for (const record of others) {
      const key = keyOf(record)
      const change = byRecord.get(key)
      if (change === undefined) byRecord.set(key, { record, count: step })
      else change.count += step
    }
  }
  for (const { removed, added } of differences) {
    note(removed, -1)
    note(added, 1)
  }
  return [...byRecord.values()]
}

function keyOf({ owner, type, ttl, rdata }: ZoneRecord): string {
  return `${type} ${ttl} ${latin1(lowerCaseName(owner))} ${latin1(rdata)}`
}

/** A step as the journal keeps it. */
export function zoneDifference(
  steps: { readonly from: number; readonly to: number },
  lists: ReturnType<typeof recordLists>,
): ZoneDifference {
  return { ...steps, removed: encodeRecords(lists.removed), added: encodeRecords(lists.added) }
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
}
