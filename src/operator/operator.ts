import { findBroken, findTunnel, whyNotFound } from '../lifecycle/find-tunnel.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { type Refusal, refused } from '../lifecycle/refusal.ts'
import type { TunnelRequest } from '../lifecycle/registration.ts'
import type { Admission, RegistrationInput } from '../registration/admission.ts'
import type { Problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { ContactReading, ContactWish } from '../tunnel/contact.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Outcome } from './outcome.ts'
import { TunnelChanges, type TunnelChangesParts, warningsIn } from './tunnel-changes.ts'
import { passes, type TunnelFilter } from './tunnel-filter.ts'
import type { TunnelReport, WarnedReport } from './tunnel-report.ts'
import { reportOfBroken, type TunnelReports } from './tunnel-reports.ts'

/** A part of a list, and where the next part begins; null at the end. */
interface ListSlice {
  readonly tunnels: TunnelReport[]
  readonly next: string | null
}

/** Begins `after` in the part of a list that has the dormant tunnels; no id begins so. */
const DORMANT = '~'

/** What an operator may do to tunnels: the same rooms as for visitors, without a visitor's limits or keys. */
export class Operator {
  /** What is changed of a tunnel that is there. */
  readonly changes: TunnelChanges
  readonly #table: TunnelReader
  readonly #lifecycle: Lifecycle
  readonly #admission: Admission
  readonly #contacts: TunnelChangesParts['contacts']
  readonly #reports: TunnelReports
  readonly #origin: string

  constructor(parts: TunnelChangesParts) {
    this.changes = new TunnelChanges(parts)
    this.#table = parts.table
    this.#lifecycle = parts.lifecycle
    this.#admission = parts.admission
    this.#contacts = parts.contacts
    this.#reports = parts.reports
    this.#origin = parts.origin
  }

  /**
   * Looks at `limit` tunnels with ids after `after`, and gives those that the filter lets through. Rows that another
   * program wrote and that can't be used come behind them, and dormant tunnels last.
   */
  list(after: string, limit: number, filter: TunnelFilter): ListSlice {
    if (after.startsWith(DORMANT)) return this.#listDormant(after.slice(DORMANT.length), limit, filter)
    const { rows, next } = this.#table.after(after, limit)
    const broken = next === undefined ? this.#table.brokenRows().map(reportOfBroken) : []
    const reports = [...rows.map(tunnel => this.#report(tunnel)), ...broken]
    const tunnels = reports.filter(report => passes(report, filter))
    if (next !== undefined) return { tunnels, next }
    return { tunnels, next: this.#table.dormant.count() === 0 ? null : DORMANT }
  }

  #listDormant(after: string, limit: number, filter: TunnelFilter): ListSlice {
    const { rows, next } = this.#table.dormant.after(after, limit)
    const reports = rows.map(tunnel => this.#report(tunnel))
    return {
      tunnels: reports.filter(report => passes(report, filter)),
      next: next === undefined ? null : `${DORMANT}${next}`,
    }
  }

  /** `reference` is an id, `nicname.country`, or the full name. */
  show(reference: string): Outcome<TunnelReport> {
    const broken = findBroken(this.#table, this.#origin, reference)
    if (broken !== undefined) return { kind: 'done', value: reportOfBroken(broken) }
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    return tunnel === undefined
      ? refused(this.#whyNotFound(reference))
      : { kind: 'done', value: this.#report(tunnel) }
  }

  /** Registers a tunnel for anybody; an owner who is to be told is asked first. */
  async add(input: RegistrationInput): Promise<Outcome<WarnedReport & { readonly key: string }>> {
    const { problems, ...reading } = this.#read(input.contact)
    const verdict = await this.#admission.check(input)
    if (verdict.kind === 'refused') return refused(...verdict.problems, ...problems)
    if (problems.length > 0) return refused(...problems)
    const registration = await this.#lifecycle.register(withContact(verdict.request, reading))
    if (registration.kind === 'refused') return registration
    const { tunnel, key } = registration
    return { kind: 'done', value: { ...this.#report(tunnel), key, ...warningsIn(verdict.warnings) } }
  }

  #read(wish: ContactWish | undefined): ContactReading {
    return wish === undefined ? NOTHING_WISHED : this.#contacts.read(wish)
  }

  /** A broken row is deleted by its id. */
  async delete(reference: string): Promise<Outcome<TunnelReport>> {
    const broken = findBroken(this.#table, this.#origin, reference)
    if (broken !== undefined) {
      const deletion = await this.#lifecycle.delete(broken.id, 'operator')
      return deletion.kind === 'refused' ? deletion : { kind: 'done', value: reportOfBroken(broken) }
    }
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return refused(this.#whyNotFound(reference))
    const deletion = await this.#lifecycle.delete(tunnel.id, 'operator')
    return deletion.kind === 'refused' ? deletion : { kind: 'done', value: this.#report(tunnel) }
  }

  /** Takes a tunnel down until `resume`: its owner can't bring it back, end it, or register another one there. */
  suspend(reference: string): Promise<Outcome<TunnelReport>> {
    return this.#change(reference, ({ id }) => this.#lifecycle.suspend(id))
  }

  /** Brings a suspended tunnel back, with a new wait for its first sign of life; one that is up stays as it is. */
  resume(reference: string): Promise<Outcome<TunnelReport>> {
    return this.#change(reference, ({ id }) => this.#lifecycle.resume(id))
  }

  /** For an owner who has lost the key: the old one is void, and whoever was signed in with it is signed out. */
  async renewKey(reference: string): Promise<Outcome<TunnelReport & { readonly key: string }>> {
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return refused(this.#whyNotFound(reference))
    const renewal = await this.#lifecycle.renewKey(tunnel.id)
    if (renewal.kind === 'refused') return renewal
    return { kind: 'done', value: { ...this.#report(renewal.tunnel), key: renewal.key } }
  }

  /** Changes a tunnel, and reports it as it is then. */
  async #change(
    reference: string,
    change: (tunnel: Tunnel) => Promise<{ readonly kind: string } | Refusal>,
  ): Promise<Outcome<TunnelReport>> {
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return refused(this.#whyNotFound(reference))
    const outcome = await change(tunnel)
    return 'problems' in outcome ? outcome : this.show(tunnel.id)
  }

  #whyNotFound(reference: string): Problem {
    return whyNotFound(this.#table, this.#origin, reference)
  }

  #report(tunnel: Tunnel): TunnelReport {
    return this.#reports.of(tunnel)
  }
}

const NOTHING_WISHED: ContactReading = { problems: [], contact: undefined, asking: [] }

function withContact(
  request: TunnelRequest,
  { contact, asking }: Pick<ContactReading, 'contact' | 'asking'>,
): TunnelRequest {
  if (contact === undefined) return request
  return { ...request, contact, asking: asking.map(({ kind }) => kind) }
}
