/** What a transfer is made of: the whole zone, how it differs from what the client has, or its SOA alone. */
import { TYPE } from '../wire/codes.ts'
import { lowerCaseName } from '../wire/name.ts'
import type { Rrset } from '../zone/rrset.ts'
import { serialCompare, soaSerial } from '../zone/serial.ts'
import type { Snapshot } from '../zone/snapshot.ts'
import { stepRecords, type ZoneDifference } from '../zone/zone-difference.ts'
import { recordsIn, type ZoneRecord } from '../zone/zone-record.ts'

/** Rrsets taken from the held version at a time. */
const PAGE = 200

/** `current`: the client has the zone as it is. */
export type TransferKind = 'full' | 'incremental' | 'current'

/** The steps from the contents with one serial to those with another; undefined: they are not kept. */
export type StepsSince = (
  apex: Uint8Array,
  serials: { readonly from: number; readonly to: number },
) => Iterator<ZoneDifference, undefined> | undefined

export interface TransferRecords {
  readonly kind: TransferKind
  readonly records: Iterator<ZoneRecord, undefined>
}

/**
 * Chooses what a client gets that holds the zone of `soa` with serial `held`; undefined: it asks for the whole zone. Only
 * a transfer of kind `full` reads from the snapshot.
 */
export function transferRecords(
  { soa, snapshot }: { readonly soa: Rrset; readonly snapshot: Snapshot },
  { held, since }: { readonly held: number | undefined; readonly since: StepsSince },
): TransferRecords {
  const serial = soaSerial(soa.rdatas[0] ?? NO_SOA)
  // RFC 1995 2: a client that is as new as we are, or newer, is told our SOA. Half the circle away is neither.
  const age = held === undefined ? undefined : serialCompare(held, serial)
  if (age === 0 || age === 1) return { kind: 'current', records: recordsIn(soa).values() }
  const steps =
    age === undefined || held === undefined
      ? undefined
      : since(lowerCaseName(soa.owner), { from: held, to: serial })
  if (steps === undefined) return { kind: 'full', records: zoneRecords(snapshot, soa) }
  return { kind: 'incremental', records: incrementalRecords(soa, steps) }
}

const NO_SOA = new Uint8Array(20)

/** RFC 5936 2.2: the SOA comes first and last, everything else between them in any order, cut and glue included. */
function* zoneRecords(snapshot: Snapshot, soa: Rrset): Generator<ZoneRecord, undefined> {
  yield* recordsIn(soa)
  let page = snapshot.walk(soa.owner, undefined, PAGE)
  while (page.length > 0) {
    for (const rrset of page) if (!isApexSoa(rrset, soa)) yield* recordsIn(rrset)
    page = snapshot.walk(soa.owner, page.at(-1)?.owner, PAGE)
  }
  yield* recordsIn(soa)
}

/** RFC 1995 4: the new SOA comes first and last, the steps between them, each with the SOA before and after it. */
function* incrementalRecords(
  soa: Rrset,
  steps: Iterator<ZoneDifference, undefined>,
): Generator<ZoneRecord, undefined> {
  yield* recordsIn(soa)
  yield* stepRecords(steps)
  yield* recordsIn(soa)
}

function isApexSoa({ type, owner }: Rrset, soa: Rrset): boolean {
  return type === TYPE.SOA && owner.length === soa.owner.length
}
