import { type Contact, WAYS, type WayName } from '../../tunnel/contact.ts'
import type { Occasion } from '../notice.ts'
import type { Database, Statement } from './database.ts'

/** Between two notices that a tunnel has fallen asleep. */
const SLEEP_NEWS_SECONDS = 7 * 86_400

/**
 * What somebody has asked for is due as if it had waited for longer than any notice does: whoever looks at a mailbox now
 * does not wait for thousands that others know nothing of.
 */
const ASKED_LEAD_SECONDS = 7 * 86_400

/** Where owners are told, and what they are to be told: to be called inside a transaction. */
export class NoticeWrites {
  readonly #now: () => number
  readonly #contact: Statement
  readonly #dropContact: Statement
  readonly #way: Statement
  readonly #dropWays: Statement
  readonly #hasContact: Statement
  readonly #insert: Statement
  readonly #dropOutdated: Statement
  readonly #dropAsked: Statement
  readonly #drop: Statement
  readonly #noteSleep: Statement
  readonly #lateSleep: Statement
  readonly #noteWarning: Statement
  readonly #defer: Statement
  readonly #postpone: Statement

  /** `now`: seconds of the steady clock. */
  constructor(database: Database, now: () => number) {
    this.#now = now
    this.#contact = database.prepare(
      `INSERT INTO contacts (id, language, warned_of) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE
       SET language = excluded.language, warned_of = excluded.warned_of`,
    )
    this.#dropContact = database.prepare('DELETE FROM contacts WHERE id = ?')
    this.#way = database.prepare('INSERT INTO contact_ways (id, way, target, confirmed) VALUES (?, ?, ?, ?)')
    this.#dropWays = database.prepare('DELETE FROM contact_ways WHERE id = ?')
    this.#hasContact = database.prepare('SELECT 1 FROM contacts WHERE id = ?')
    this.#insert = database.prepare(
      `INSERT INTO notices (id, occasion, way, target, language, nicname, country, since, made, next_try)
       SELECT id, ?2, way, target, language, nicname, country, ?3, ?4, ?7
       FROM contacts JOIN contact_ways USING (id) JOIN (
         SELECT id, nicname, country FROM tunnels WHERE id = ?1
         UNION SELECT id, nicname, country FROM dormant WHERE id = ?1) USING (id)
       WHERE id = ?1 AND way = ?5 AND confirmed = ?6`,
    )
    this.#dropOutdated = database.prepare(
      "DELETE FROM notices WHERE id = ? AND occasion NOT IN ('confirm', 'recover', 'renewed', 'parted')",
    )
    this.#dropAsked = database.prepare('DELETE FROM notices WHERE id = ? AND occasion = ? AND way = ?')
    this.#drop = database.prepare('DELETE FROM notices WHERE number = ?')
    this.#noteSleep = database.prepare(
      `UPDATE contacts SET sleep_told = ? WHERE id = (
         SELECT notices.id FROM notices JOIN dormant USING (id, since)
         WHERE number = ? AND occasion = 'dormant')`,
    )
    this.#lateSleep = database.prepare('SELECT 1 FROM contacts WHERE id = ? AND sleep_told BETWEEN ? AND ?')
    this.#noteWarning = database.prepare(
      `UPDATE contacts SET warned_of = notices.since FROM notices
       WHERE notices.number = ? AND notices.occasion = 'ending' AND notices.id = contacts.id`,
    )
    this.#defer = database.prepare('UPDATE notices SET next_try = ? WHERE number = ?')
    this.#postpone = database.prepare(
      'UPDATE notices SET failures = failures + 1, next_try = ? WHERE number = ?',
    )
  }

  setContact(id: string, contact: Contact | undefined): void {
    this.#dropWays.run(id)
    if (contact === undefined) {
      this.#dropContact.run(id)
      return
    }
    this.#contact.run(id, contact.language, contact.warnedOf ?? null)
    for (const { kind, target, isConfirmed } of contact.ways)
      this.#way.run(id, kind, target, isConfirmed ? 1 : 0)
  }

  /**
   * By each way that is confirmed, in place of what has become of the tunnel before; a new key is told of beside that. False:
   * there is none.
   */
  notify(id: string, occasion: Occasion, since: number): boolean {
    if (this.#hasContact.get(id) === undefined) return false // most of many that fall asleep together
    if (occasion === 'renewed') for (const way of WAYS) this.#dropAsked.run(id, occasion, way)
    else this.#dropOutdated.run(id)
    if (occasion === 'dormant' && this.#wasToldOfSleep(id)) return false
    const inserted = WAYS.map(way => this.#add({ id, occasion, since, way, isConfirmed: true }))
    return inserted.some(Boolean)
  }

  /** A host that sleeps every night wakes its tunnel by itself: its owner is not told of each. */
  #wasToldOfSleep(id: string): boolean {
    return this.#lateSleep.get(id, this.#now() - SLEEP_NEWS_SECONDS, this.#now()) !== undefined
  }

  /** By one way: a question goes to one that is not confirmed, a link to one that is. False: there is none. */
  ask(id: string, occasion: 'confirm' | 'recover', way: WayName): boolean {
    this.#dropAsked.run(id, occasion, way)
    const isConfirmed = occasion === 'recover'
    return this.#add({ id, occasion, since: this.#now(), way, isConfirmed, lead: ASKED_LEAD_SECONDS })
  }

  /** By one way that is confirmed and is about to go: to be called before that. False: there is none. */
  part(id: string, way: WayName): boolean {
    return this.#add({ id, occasion: 'parted', since: this.#now(), way, isConfirmed: true })
  }

  /**
   * By one that was told its sleep is told of, if it lasts still, or the near end of its sleep. An owner is told of neither
   * again, whatever becomes of the notice by another way.
   */
  drop(number: number, isTold: boolean): void {
    if (isTold) {
      this.#noteSleep.run(this.#now(), number)
      this.#noteWarning.run(number)
    }
    this.#drop.run(number)
  }

  defer(number: number, nextTry: number): void {
    this.#defer.run(nextTry, number)
  }

  postpone(number: number, nextTry: number): void {
    this.#postpone.run(nextTry, number)
  }

  #add(notice: {
    readonly id: string
    readonly occasion: Occasion
    readonly since: number
    readonly way: WayName
    readonly isConfirmed: boolean
    /** Seconds for which it counts as due already. */
    readonly lead?: number
  }): boolean {
    const { id, occasion, since, way, isConfirmed, lead = 0 } = notice
    const now = this.#now()
    return this.#insert.run(id, occasion, since, now, way, isConfirmed ? 1 : 0, now - lead).changes > 0
  }
}
