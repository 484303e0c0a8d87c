import { type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import {
  type Contact,
  type ContactReading,
  type ContactWish,
  isSameTarget,
  WAYS,
  type Way,
  type WayName,
  wayOf,
} from '../tunnel/contact.ts'
import { isEmailAddress } from './email-address.ts'
import type { WebhookRules } from './webhook-rules.ts'

export interface ContactWishesOptions {
  readonly table: Pick<TunnelReader, 'contactOf' | 'notices'>
  readonly hasMail: boolean
  readonly webhooks: WebhookRules
}

type Target =
  | { readonly kind: 'target'; readonly target: string }
  | { readonly kind: 'wrong'; readonly problem: Problem }

/** What owners write when they are asked where to tell them: how it is read, and what becomes of it. */
export class ContactWishes {
  readonly #options: ContactWishesOptions

  constructor(options: ContactWishesOptions) {
    this.#options = options
  }

  /** Whether owners can be told by this way. */
  offers(way: WayName): boolean {
    return way === 'email' ? this.#options.hasMail : this.#options.webhooks.hosts.length > 0
  }

  /** Whether what is sent by a way leaves: the operator may have taken mail, or the host of a URL, away since it was kept. */
  reaches({ kind, target }: Pick<Way, 'kind' | 'target'>): boolean {
    return this.offers(kind) && (kind === 'email' || this.#options.webhooks.read(target).kind === 'target')
  }

  /** Whether they can be told at all. */
  get offersAny(): boolean {
    return WAYS.some(way => this.offers(way))
  }

  /** Hosts that a webhook may be on. */
  get webhookHosts(): readonly string[] {
    return this.#options.webhooks.hosts
  }

  /** Where a tunnel's owner is told now. */
  of(tunnelId: string): Contact | undefined {
    return this.#options.table.contactOf(tunnelId)
  }

  /**
   * What becomes of the question whether notices may come there: `waiting` to be handed over for the first time, `failing` where
   * that was tried. Undefined: none waits; it was handed over or given up, or there never was one.
   */
  questionTo(
    tunnelId: string,
    { kind, target }: Pick<Way, 'kind' | 'target'>,
  ): 'waiting' | 'failing' | undefined {
    const question = this.#options.table.notices
      .of(tunnelId)
      .find(one => one.occasion === 'confirm' && one.way === kind && isSameTarget(kind, one.target, target))
    if (question === undefined) return undefined
    return question.failures === 0 ? 'waiting' : 'failing'
  }

  /** Reads a wish for a new tunnel, or for one that has a contact. A target that it has already stays confirmed. */
  read(wish: ContactWish, tunnelId?: string): ContactReading {
    const before = tunnelId === undefined ? undefined : this.of(tunnelId)
    const problems: Problem[] = []
    const ways: Way[] = []
    const asking: Way[] = []
    let hasNewReader = false
    for (const kind of WAYS) {
      const typed = wish[kind]?.trim()
      const had = wayOf(before, kind)
      if (typed === undefined && had !== undefined) ways.push(had)
      if (typed === undefined || typed === '') continue
      const read = this.#targetOf(kind, typed)
      if (read.kind === 'wrong') {
        problems.push(read.problem)
        continue
      }
      const isConfirmed = had?.isConfirmed === true && isSameTarget(kind, had.target, read.target)
      const way = { kind, target: read.target, isConfirmed }
      ways.push(way)
      if (!isConfirmed) asking.push(way)
      hasNewReader ||= had === undefined || !isSameTarget(kind, had.target, read.target)
    }
    // Who reads there has had no letter yet.
    const isWarned = before?.warnedOf !== undefined && !hasNewReader
    const warned = isWarned ? { warnedOf: before.warnedOf } : {}
    const contact = ways.length === 0 ? undefined : { language: wish.language, ways, ...warned }
    return { problems, contact, asking }
  }

  #targetOf(kind: WayName, typed: string): Target {
    switch (kind) {
      case 'email':
        return this.#addressOf(typed)
      case 'webhook':
        return this.#options.webhooks.read(typed)
      default:
        return kind satisfies never
    }
  }

  #addressOf(typed: string): Target {
    if (!this.#options.hasMail) return { kind: 'wrong', problem: problem('email-none', {}) }
    if (isEmailAddress(typed)) return { kind: 'target', target: typed }
    return { kind: 'wrong', problem: problem('email-syntax', { case: 'malformed' }) }
  }
}
