import { atOnce, type Pausing } from '../shared/in-turns.ts'
import type { Rrset } from '../zone/rrset.ts'
import { MasterReader, type NamedText, type ReadInclude } from './master-reader.ts'
import type { PlaceList } from './place-list.ts'
import type { OnError, ZoneFault } from './zone-fault.ts'

interface MasterFileOptions extends NamedText {
  /** The origin until the first `$ORIGIN`. */
  readonly origin?: Uint8Array
  /** Without it no `$INCLUDE` is allowed. */
  readonly readInclude?: ReadInclude
  /** What becomes of a record with a mistake; `refuse-zone` if it is left out. */
  readonly onError?: OnError
}

/** What a master file holds. */
export interface MasterFile {
  /** The origin at the first record. */
  readonly origin: Uint8Array | undefined
  readonly rrsets: readonly Rrset[]
  readonly faults: readonly ZoneFault[]
  /** Where each rrset begins, in the order of `rrsets`. */
  readonly places: PlaceList
}

/**
 * Reads a master file (RFC 1035 5; `$TTL` of RFC 2308 4; `$GENERATE` as in BIND) into rrsets, in the order of the
 * file. Never throws on bad text: each mistake becomes a fault with file, line and column, and reading goes on with
 * the next record, up to a bounded number of mistakes.
 */
export function readMasterFile(options: MasterFileOptions): MasterFile {
  return atOnce(readMasterFileSlowly(options))
}

/** The same, with pauses. */
export function* readMasterFileSlowly({
  file,
  text,
  origin,
  readInclude,
  onError = 'refuse-zone',
}: MasterFileOptions): Pausing<MasterFile> {
  const reader = new MasterReader(readInclude, onError)
  yield* reader.read({ file, text }, origin)
  const { collector, faults, places } = reader
  return { origin: reader.origin, rrsets: collector.rrsets, faults: faults.faults, places }
}
