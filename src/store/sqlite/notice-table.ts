import type { WayName } from '../../tunnel/contact.ts'
import type { Notice, NoticeReader, Occasion } from '../notice.ts'
import type { Database, Statement } from './database.ts'

const COLUMNS = 'number, id, occasion, way, target, language, nicname, country, since, made, failures'

/** Notices that wait to be taken, read. */
export class NoticeTable implements NoticeReader {
  readonly #due: Statement
  readonly #of: Statement
  readonly #count: Statement
  readonly #countOfWay: Statement

  constructor(database: Database) {
    this.#due = database.prepare(
      `SELECT ${COLUMNS} FROM notices WHERE way = ? AND next_try <= ? ORDER BY next_try, number LIMIT ?`,
    )
    this.#of = database.prepare(`SELECT ${COLUMNS} FROM notices WHERE id = ?`)
    this.#count = database.prepare('SELECT count(*) AS n FROM notices')
    this.#countOfWay = database.prepare('SELECT count(*) AS n FROM notices WHERE way = ?')
  }

  due(way: WayName, steady: number, limit: number): readonly Notice[] {
    return this.#due.all(way, steady, limit).map(noticeOf)
  }

  of(tunnelId: string): readonly Notice[] {
    return this.#of.all(tunnelId).map(noticeOf)
  }

  count(way?: WayName): number {
    const found = way === undefined ? this.#count.get() : this.#countOfWay.get(way)
    return Number(found?.n)
  }
}

function noticeOf(row: Readonly<Record<string, unknown>>): Notice {
  return {
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
  }
}
