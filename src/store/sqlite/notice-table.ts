import type { WayName } from '../../tunnel/contact.ts'
import type { Notice, NoticeReader, Occasion } from '../notice.ts'
import type { Database, Statement } from './database.ts'

/** Notices that wait to be taken, read. */
export class NoticeTable implements NoticeReader {
  readonly #due: Statement
  readonly #count: Statement

  constructor(database: Database) {
    this.#due = database.prepare(
      `SELECT number, id, occasion, way, target, language, nicname, country, since, made, failures
       FROM notices WHERE way = ? AND next_try <= ? ORDER BY next_try, number LIMIT ?`,
    )
    this.#count = database.prepare('SELECT count(*) AS n FROM notices')
  }

  due(way: WayName, steady: number, limit: number): readonly Notice[] {
    return this.#due.all(way, steady, limit).map(row => ({
      number: Number(row.number),
      tunnelId: String(row.id),
      occasion: row.occasion as Occasion,
      way: row.way as WayName,
      target: String(row.target),
      language: String(row.language),
      nicname: String(row.nicname),
      country: String(row.country),
      since: Number(row.since),
      made: Number(row.made),
      failures: Number(row.failures),
    }))
  }

  count(): number {
    return Number(this.#count.get()?.n)
  }
}
