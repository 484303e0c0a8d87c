import type { Contact, Way, WayName } from '../../tunnel/contact.ts'
import type { Database, Statement } from './database.ts'

/** Where owners are told, read. */
export class ContactTable {
  readonly #contact: Statement
  readonly #ways: Statement

  constructor(database: Database) {
    this.#contact = database.prepare('SELECT language, warned_of FROM contacts WHERE id = ?')
    this.#ways = database.prepare('SELECT way, target, confirmed FROM contact_ways WHERE id = ? ORDER BY way')
  }

  /** Undefined: nobody said. */
  of(id: string): Contact | undefined {
    const row = this.#contact.get(id)
    if (row === undefined) return undefined
    const ways: Way[] = this.#ways.all(id).map(({ way, target, confirmed }) => ({
      kind: way as WayName,
      target: String(target),
      isConfirmed: confirmed === 1,
    }))
    const warnedOf = row.warned_of === null ? {} : { warnedOf: Number(row.warned_of) }
    return { language: String(row.language), ways, ...warnedOf }
  }
}
