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

  constructor(database: Database) {
    this.#read = database.prepare('SELECT serial FROM zone_serials WHERE apex = ?')
    this.#write = database.prepare(
      'INSERT INTO zone_serials (apex, serial) VALUES (?1, ?2) ON CONFLICT (apex) DO UPDATE SET serial = ?2',
    )
  }

  /** As it was written last; undefined: never. */
  read(apex: string): number | undefined {
    const serial = this.#read.get(apex)?.serial
    return serial === undefined ? undefined : Number(serial)
  }

  write(apex: string, serial: number): void {
    this.#write.run(apex, serial)
  }

  /** The next serial of a zone, later than any it had before and than `atLeast`, the serial of its zone file. */
  next(apex: string, atLeast: number): number {
    const stored = this.read(apex)
    return stored === undefined ? atLeast : laterSerial(nextSerial(stored), atLeast)
  }

  /** The serial that was written last, or a later one of the zone file. */
  standing(apex: string, fromFile: number): number {
    const stored = this.read(apex)
    return stored === undefined ? fromFile : laterSerial(stored, fromFile)
  }
}
