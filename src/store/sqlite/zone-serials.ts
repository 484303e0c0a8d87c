import { nextSerial } from '../../zone/serial.ts'
import type { Database, Statement } from './database.ts'
import { laterSerial } from './later-serial.ts'

/**
 * The SOA serials of the zones, kept in the database so that a restart never goes back (RFC 1982, RFC 1996 relies on
 * it). They are advanced inside the transaction that changes the zone.
 */
export class ZoneSerials {
  readonly #read: Statement
  readonly #write: Statement
  readonly #digest: Statement
  readonly #writeDigest: Statement

  constructor(database: Database) {
    this.#read = database.prepare('SELECT serial FROM zone_serials WHERE apex = ?')
    this.#write = database.prepare(
      'INSERT INTO zone_serials (apex, serial) VALUES (?1, ?2) ON CONFLICT (apex) DO UPDATE SET serial = ?2',
    )
    this.#digest = database.prepare('SELECT digest FROM zone_digests WHERE apex = ? AND serial = ?')
    this.#writeDigest = database.prepare('INSERT OR REPLACE INTO zone_digests VALUES (?, ?, ?)')
  }

  /** As it was written last; undefined: never. */
  read(apex: string): number | undefined {
    const serial = this.#read.get(apex)?.serial
    return serial === undefined ? undefined : Number(serial)
  }

  write(apex: string, serial: number): void {
    this.#write.run(apex, serial)
  }

  /** The digest of a zone as it was with a serial; undefined: it was not kept. */
  digestAt(apex: string, serial: number): Uint8Array | undefined {
    const digest = this.#digest.get(apex, serial)?.digest
    return digest instanceof Uint8Array ? digest : undefined
  }

  /** Keeps it in place of that of an earlier serial. */
  writeDigest(apex: string, serial: number, digest: Uint8Array): void {
    this.#writeDigest.run(apex, serial, digest)
  }

  /** The next serial of a zone, later than any it had before and than `atLeast`, the serial of its zone file. */
  next(apex: string, atLeast: number): number {
    const stored = this.read(apex)
    return stored === undefined ? atLeast : laterSerial(nextSerial(stored), atLeast)
  }
}
