import type { ZoneDifference } from '../../zone/zone-difference.ts'
import { type JournalReader, JournalTrimmed } from '../journal.ts'
import { apexText } from './apex-text.ts'
import type { Database, Statement } from './database.ts'

/** Serials that there are: the keys of rows count on instead of wrapping, so that rows lie in their order. */
const CIRCLE = 2 ** 32
/** What a row takes beside its name and its lists, about. */
const ROW_OCTETS = 32
/** Of what may be kept this part is cut off when it is too much: a commit seldom waits for that. */
const SLACK_PARTS = 64
/** Seconds between looks for what has grown too old. */
const AGE_INTERVAL = 60

export interface JournalLimits {
  /** Octets of all zones together; 0: no journal is kept. */
  readonly bytes: number
  /** Seconds. */
  readonly age: number
}

/** The steps that are kept of a zone. */
interface Kept {
  /** Serial that the last of them leads to. */
  readonly end: number
  /** The zone's digest with that serial. */
  readonly digest: Uint8Array
  /** Octets that all steps of the zone have taken before the first that is kept, and with the last. */
  readonly firstOctet: number
  readonly lastOctet: number
}

/**
 * The journal: for each commit and zone a row with what it removed and added, written in the commit's transaction. What
 * is too much is taken from the zone that has most, so that the churn of tunnels leaves the others' differences alone.
 */
export class Journal implements JournalReader {
  readonly isKept: boolean
  readonly #limits: JournalLimits
  readonly #insert: Statement
  readonly #read: Statement
  readonly #first: Statement
  readonly #last: Statement
  readonly #nextApex: Statement
  readonly #rowOfOctet: Statement
  readonly #firstWritten: Statement
  readonly #dropBefore: Statement
  readonly #dropAll: Statement
  /** By apex; undefined until it is read from the table. */
  #kept: Map<string, Kept> | undefined
  #ageLookedAt = 0

  constructor(database: Database, limits: JournalLimits) {
    this.#limits = limits
    this.isKept = limits.bytes > 0
    this.#insert = database.prepare(
      `INSERT INTO journal (apex, serial_from, serial_to, written, octets, digest, removed, added)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#read = database.prepare(
      'SELECT serial_to, removed, added FROM journal WHERE apex = ? AND serial_from = ?',
    )
    this.#first = database.prepare(
      `SELECT octets - length(removed) - length(added) - ? AS first_octet
       FROM journal WHERE apex = ? ORDER BY serial_from LIMIT 1`,
    )
    this.#last = database.prepare(
      'SELECT serial_to, digest, octets FROM journal WHERE apex = ? ORDER BY serial_from DESC LIMIT 1',
    )
    this.#nextApex = database.prepare('SELECT apex FROM journal WHERE apex > ? ORDER BY apex LIMIT 1')
    this.#rowOfOctet = database.prepare(
      'SELECT serial_to AS keep_from FROM journal WHERE apex = ? AND octets >= ? ORDER BY serial_from LIMIT 1',
    )
    this.#firstWritten = database.prepare(
      'SELECT serial_from AS keep_from FROM journal WHERE apex = ? AND written >= ? ORDER BY serial_from LIMIT 1',
    )
    this.#dropBefore = database.prepare('DELETE FROM journal WHERE apex = ? AND serial_from < ?')
    this.#dropAll = database.prepare('DELETE FROM journal WHERE apex = ?')
  }

  get bytes(): number {
    let octets = 0
    for (const kept of this.#zones().values()) octets += octetsOf(kept)
    return octets
  }

  since(
    apex: Uint8Array,
    { from, to }: { readonly from: number; readonly to: number },
  ): Iterator<ZoneDifference, undefined> | undefined {
    const text = apexText(apex)
    const end = this.#zones().get(text)?.end
    if (end === undefined || end % CIRCLE !== to) return undefined
    const start = end - ((to - from) >>> 0)
    if (this.#read.get(text, start) === undefined) return undefined
    return this.#steps(text, { start, end })
  }

  /** The digest of a zone with this serial, if the steps end with it. */
  digestAt(apex: string, serial: number): Uint8Array | undefined {
    const kept = this.#zones().get(apex)
    return kept !== undefined && kept.end % CIRCLE === serial ? kept.digest : undefined
  }

  /** Appends a step, after which the zone has this digest; to be called inside its transaction. */
  append(
    apex: string,
    { from, to, removed, added }: ZoneDifference,
    { digest, written }: { readonly digest: Uint8Array; readonly written: number },
  ): void {
    let kept = this.#zones().get(apex)
    if (kept !== undefined && kept.end % CIRCLE !== from) {
      this.cut(apex) // what is kept does not lead to this step
      kept = undefined
    }
    const start = kept?.end ?? from
    const end = start + ((to - from) >>> 0)
    const firstOctet = kept?.firstOctet ?? 0
    const lastOctet = (kept?.lastOctet ?? 0) + removed.length + added.length + rowOctets(apex)
    this.#insert.run(apex, start, end, written, lastOctet, digest, removed, added)
    this.#zones().set(apex, { end, digest, firstOctet, lastOctet })
  }

  /** Forgets all steps of a zone: its contents have become others without one. Inside a transaction. */
  cut(apex: string): void {
    if (this.#zones().delete(apex)) this.#dropAll.run(apex)
  }

  /** Takes out what is too much or too old at `now`. Inside a transaction, once its steps are appended. */
  trim(now: number): void {
    const excess = this.bytes - this.#limits.bytes
    if (excess > 0) this.#trimBytes(excess + this.#limits.bytes / SLACK_PARTS)
    if (now - this.#ageLookedAt < AGE_INTERVAL) return
    this.#ageLookedAt = now
    for (const apex of this.apexes())
      this.#dropUntil(apex, this.#firstWritten.get(apex, now - this.#limits.age))
  }

  /** Zones that steps are kept of. */
  apexes(): readonly string[] {
    return [...this.#zones().keys()]
  }

  /** After ROLLBACK: what was remembered of the transaction is not so. */
  undone(): void {
    this.#kept = undefined
  }

  #trimBytes(excess: number): void {
    while (excess > 0) {
      const [apex, kept] = this.#largest() ?? []
      if (apex === undefined || kept === undefined) return
      this.#dropUntil(apex, this.#rowOfOctet.get(apex, kept.firstOctet + excess))
      excess -= octetsOf(kept) - octetsOf(this.#zones().get(apex) ?? NOTHING_KEPT)
    }
  }

  #largest(): readonly [string, Kept] | undefined {
    return [...this.#zones()].toSorted(([, a], [, b]) => octetsOf(b) - octetsOf(a))[0]
  }

  /** Drops the rows before the one that is named; all of them if none is. */
  #dropUntil(apex: string, row: { readonly [column: string]: unknown } | undefined): void {
    const kept = this.#zones().get(apex)
    if (kept === undefined) return
    if (row === undefined || row.keep_from === kept.end) {
      this.cut(apex)
      return
    }
    this.#dropBefore.run(apex, Number(row.keep_from))
    this.#zones().set(apex, { ...kept, firstOctet: this.#firstOctetOf(apex) })
  }

  #zones(): Map<string, Kept> {
    this.#kept ??= this.#readZones()
    return this.#kept
  }

  #readZones(): Map<string, Kept> {
    const zones = new Map<string, Kept>()
    for (const text of this.#readApexes()) {
      const { serial_to, digest, octets } = this.#last.get(text) ?? {}
      if (!(digest instanceof Uint8Array)) continue
      zones.set(text, {
        end: Number(serial_to),
        digest,
        firstOctet: this.#firstOctetOf(text),
        lastOctet: Number(octets),
      })
    }
    return zones
  }

  /** From one to the next: the rows between are not looked at. */
  #readApexes(): readonly string[] {
    const apexes: string[] = this.#last.get('') === undefined ? [] : [''] // the root's
    let apex: unknown = this.#nextApex.get('')?.apex
    for (; typeof apex === 'string'; apex = this.#nextApex.get(apex)?.apex) apexes.push(apex)
    return apexes
  }

  #firstOctetOf(apex: string): number {
    return Number(this.#first.get(rowOctets(apex), apex)?.first_octet)
  }

  *#steps(
    apex: string,
    { start, end }: { readonly start: number; readonly end: number },
  ): Generator<ZoneDifference, undefined> {
    while (start < end) {
      const row = this.#read.get(apex, start)
      if (row === undefined) throw new JournalTrimmed(`the journal of ${apex} was trimmed while it was read`)
      const next = Number(row.serial_to)
      const { removed, added } = row
      if (!(removed instanceof Uint8Array) || !(added instanceof Uint8Array)) return
      yield { from: start % CIRCLE, to: next % CIRCLE, removed, added }
      start = next
    }
  }
}

const NOTHING_KEPT: Kept = { end: 0, digest: new Uint8Array(), firstOctet: 0, lastOctet: 0 }

function octetsOf({ firstOctet, lastOctet }: Kept): number {
  return lastOctet - firstOctet
}

function rowOctets(apex: string): number {
  return apex.length + ROW_OCTETS
}
