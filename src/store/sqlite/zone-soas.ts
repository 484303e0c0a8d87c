import { TYPE } from '../../wire/codes.ts'
import { isAtOrBelow, isSameName } from '../../wire/wire-name.ts'
import type { Catalog, RrsetChange } from '../../zone/catalog.ts'
import type { Rrset } from '../../zone/rrset.ts'
import type { ChangedZone } from '../../zone/rrset-difference.ts'
import { nextSerial, soaSerial, soaWithSerial } from '../../zone/serial.ts'
import { recordLists, type ZoneDifference, zoneDifference } from '../../zone/zone-difference.ts'
import { ZoneDigest } from '../../zone/zone-digest.ts'
import type { CommittedStep, SerialStep } from '../tunnel-store.ts'
import { apexText } from './apex-text.ts'
import type { Journal } from './journal.ts'
import { laterSerial } from './later-serial.ts'
import type { ZoneSerials } from './zone-serials.ts'

interface SoaStep {
  readonly changes: readonly RrsetChange[]
  readonly steps: readonly SerialStep[]
}

/** A zone as it is about to be served. */
export interface ComingZone {
  /** In wire form and lower case. */
  readonly apex: Uint8Array
  /** Of its file, but for tunnels' names. */
  readonly soa: Rrset
  /** Of all its records; undefined: of a zone that changes by itself not counted, because no journal is kept. */
  readonly digest: ZoneDigest | undefined
}

/** The SOA records of the zones, which every commit that changes one brings forward, and the journal of what changed. */
export class ZoneSoas {
  readonly #catalog: Catalog
  readonly #serials: ZoneSerials
  readonly #journal: Journal
  readonly #clocked: readonly Uint8Array[]
  /** Digests of the zones whose contents are known, by the text of their apex. */
  readonly #digests = new Map<string, Uint8Array>()
  /** Those that the transaction under way gives them. */
  readonly #nextDigests = new Map<string, Uint8Array>()

  /** `clocked` are the apexes of zones that change by themselves, with all below: their serials begin with the time. */
  constructor(
    catalog: Catalog,
    parts: {
      readonly serials: ZoneSerials
      readonly journal: Journal
      readonly clocked: readonly Uint8Array[]
    },
  ) {
    this.#catalog = catalog
    this.#serials = parts.serials
    this.#journal = parts.journal
    this.#clocked = parts.clocked
  }

  /**
   * The serial that a zone begins with, written down: never before one that it has had, and later if its contents are
   * others. What the journal holds of it stays if the contents are the same. To be called inside a transaction, with the
   * time in UTC seconds.
   */
  begin({ apex, soa, digest }: ComingZone, now: number): number {
    const text = apexText(apex)
    const octets = digest?.octets()
    const stored = this.#serials.read(text)
    const contents = this.#contents(text, { stored, octets })
    const serial = this.#firstSerial(apex, {
      stored,
      contents,
      fromFile: soaSerial(soa.rdatas[0] ?? NO_SOA),
      now,
    })
    if (octets !== undefined && this.#journal.isKept) this.#nextDigests.set(text, octets)
    if (contents !== 'same') this.#journal.cut(text)
    else if (serial !== stored && stored !== undefined && octets !== undefined && this.#journal.isKept) {
      const step = { from: stored, to: serial }
      this.#append(text, step, { lists: soaLists(soa, step), digest: octets, now })
    }
    if (serial !== stored) this.#serials.write(text, serial)
    if (this.#serials.digestAt(text, serial) === undefined || contents !== 'same')
      this.#keepDigest(apex, serial, octets)
    return serial
  }

  #contents(
    text: string,
    { stored, octets }: { readonly stored: number | undefined; readonly octets: Uint8Array | undefined },
  ): Contents {
    if (stored === undefined) return 'unknown'
    const before = this.#journal.digestAt(text, stored) ?? this.#serials.digestAt(text, stored)
    if (before === undefined || octets === undefined) return 'unknown'
    return Buffer.compare(before, octets) === 0 ? 'same' : 'others'
  }

  #firstSerial(
    apex: Uint8Array,
    known: {
      readonly stored: number | undefined
      readonly contents: Contents
      readonly fromFile: number
      readonly now: number
    },
  ): number {
    const { stored, contents, fromFile, now } = known
    const floor = this.#floor(apex, fromFile, now)
    if (stored === undefined) return floor
    // Where nobody knows what it was it may be others: to secondaries that serial says that nothing has changed.
    return laterSerial(contents === 'same' ? stored : nextSerial(stored), floor)
  }

  /** No start begins before it: the serial of the file, or of the time if that is later. */
  #floor(apex: Uint8Array, fromFile: number, now: number): number {
    return this.isClocked(apex) ? laterSerial(fromFile, now >>> 0) : fromFile
  }

  /** A zone that changes by itself takes another serial at each start, whatever it was. */
  #keepDigest(apex: Uint8Array, serial: number, digest: Uint8Array | undefined): void {
    if (digest !== undefined && !this.isClocked(apex))
      this.#serials.writeDigest(apexText(apex), serial, digest)
  }

  /** Whether a zone changes by itself. */
  isClocked(apex: Uint8Array): boolean {
    return this.#clocked.some(other => isAtOrBelow(apex, 0, other, 0))
  }

  /** Forgets the journal of zones that are no longer served. Inside a transaction. */
  forgetOthers(served: readonly Uint8Array[]): void {
    const texts = new Set(served.map(apexText))
    for (const text of this.#journal.apexes()) if (!texts.has(text)) this.#journal.cut(text)
  }

  /**
   * The SOA records for a start that can't write: with the serials that were written last, or what the next start can not
   * go back behind. `now` in UTC seconds.
   */
  standing(now: number): readonly RrsetChange[] {
    return this.#catalog.apexes().flatMap(apex => {
      const soa = this.#catalog.rrset(apex, TYPE.SOA)
      const rdata = soa?.rdatas[0]
      if (soa === undefined || rdata === undefined) return []
      const stored = this.#serials.read(apexText(apex))
      const floor = this.#floor(apex, soaSerial(rdata), now)
      const serial = stored === undefined ? floor : laterSerial(stored, floor)
      return [putOf(soa, serial)]
    })
  }

  /** The next SOA records of zones that these changes are about; they may hold new ones. Nothing is written. */
  advance(apexes: readonly Uint8Array[], given: readonly RrsetChange[]): SoaStep {
    const changes: RrsetChange[] = []
    const steps: SerialStep[] = []
    for (const apex of apexes) {
      const served = this.#catalog.rrset(apex, TYPE.SOA)
      const soa = soaAmong(given, apex) ?? served
      const rdata = soa?.rdatas[0]
      const servedRdata = served?.rdatas[0]
      if (soa === undefined || rdata === undefined || servedRdata === undefined) continue
      const from = soaSerial(servedRdata)
      const to = this.#serials.next(apexText(apex), laterSerial(nextSerial(from), soaSerial(rdata)))
      changes.push(putOf(soa, to))
      steps.push({ apex, from, to })
    }
    return { changes, steps }
  }

  /**
   * Writes down the serials and, in the journal, what changed with them, which it returns. To be called inside their
   * transaction.
   */
  write(steps: readonly SerialStep[], zones: readonly ChangedZone[], now: number): readonly CommittedStep[] {
    const byApex = new Map(zones.map(({ apex, differences }) => [apex, differences]))
    const written = steps.map(step => {
      const lists = recordLists(step.apex, byApex.get(step.apex) ?? [])
      const text = apexText(step.apex)
      const difference = this.#writeStep(text, step, { lists, now })
      this.#keepDigest(step.apex, step.to, this.#nextDigests.get(text))
      return { ...step, difference }
    })
    this.#journal.trim(now)
    return written
  }

  /** After COMMIT. */
  committed(): void {
    for (const [text, digest] of this.#nextDigests) this.#digests.set(text, digest)
    this.#nextDigests.clear()
  }

  /** After ROLLBACK. */
  undone(): void {
    this.#nextDigests.clear()
  }

  #writeStep(text: string, step: Step, { lists, now }: Omit<Change, 'digest'>): ZoneDifference | undefined {
    this.#serials.write(text, step.to)
    const standing = this.#digests.get(text)
    if (standing === undefined) {
      this.#journal.cut(text)
      return undefined
    }
    const digest = ZoneDigest.from(standing)
    for (const record of lists.removed) digest.remove(record)
    for (const record of lists.added) digest.add(record)
    const octets = digest.octets()
    this.#nextDigests.set(text, octets)
    return this.#append(text, step, { lists, digest: octets, now })
  }

  #append(text: string, { from, to }: Step, { lists, digest, now }: Change): ZoneDifference {
    const difference = zoneDifference({ from, to }, lists)
    this.#journal.append(text, difference, { digest, written: now })
    return difference
  }
}

/** Whether a zone holds what the journal leads to. */
type Contents = 'same' | 'others' | 'unknown'

interface Step {
  readonly from: number
  readonly to: number
}

interface Change {
  readonly lists: ReturnType<typeof recordLists>
  readonly digest: Uint8Array
  readonly now: number
}

const NO_SOA = new Uint8Array(20)

function putOf(soa: Rrset, serial: number): RrsetChange {
  return { kind: 'put', rrset: withSerial(soa, serial) }
}

export function withSerial(soa: Rrset, serial: number): Rrset {
  return { ...soa, rdatas: soa.rdatas.map(rdata => soaWithSerial(rdata, serial)) }
}

function soaLists(soa: Rrset, { from, to }: Step): ReturnType<typeof recordLists> {
  const [before, after] = [withSerial(soa, from), withSerial(soa, to)]
  return recordLists(soa.owner, [{ owner: soa.owner, type: TYPE.SOA, before, after }])
}

function soaAmong(changes: readonly RrsetChange[], apex: Uint8Array): Rrset | undefined {
  for (const change of changes) {
    if (change.kind !== 'put' || change.rrset.type !== TYPE.SOA) continue
    if (isSameName(change.rrset.owner, 0, apex, 0)) return change.rrset
  }
  return undefined
}
