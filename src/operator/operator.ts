import { findTunnel } from '../lifecycle/find-tunnel.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import type { Admission, RegistrationInput } from '../registration/admission.ts'
import type { Problem } from '../shared/problem.ts'
import type { TunnelTable } from '../store/sqlite/tunnel-table.ts'
import { nameOf, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Language } from '../words/language.ts'

/** A tunnel as the operator sees it: the row, its name, and why its interface is missing if it is. */
export interface TunnelReport extends Tunnel {
  readonly name: string
  readonly state: string
  readonly fault: string | undefined
}

export type OperatorReply<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** What an operator may do to tunnels: the same rooms as for visitors, without a visitor's limits or keys. */
export class Operator {
  readonly #table: TunnelTable
  readonly #lifecycle: Lifecycle
  readonly #admission: Admission
  readonly #origin: string

  constructor(options: {
    readonly table: TunnelTable
    readonly lifecycle: Lifecycle
    readonly admission: Admission
    readonly origin: string
  }) {
    this.#table = options.table
    this.#lifecycle = options.lifecycle
    this.#admission = options.admission
    this.#origin = options.origin
  }

  /** At most `limit` tunnels with ids after `after`. */
  list(after: string, limit: number): readonly TunnelReport[] {
    return this.#table.after(after, limit).map(tunnel => this.#report(tunnel))
  }

  /** `reference` is an id, `nicname.country`, or the full name. */
  show(reference: string): OperatorReply<TunnelReport> {
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    return tunnel === undefined ? notFound() : { kind: 'done', value: this.#report(tunnel) }
  }

  async add(input: RegistrationInput): Promise<OperatorReply<TunnelReport & { readonly key: string }>> {
    const verdict = await this.#admission.check(input)
    if (verdict.kind === 'refused') return verdict
    const registration = await this.#lifecycle.register(verdict.request)
    if (registration.kind === 'refused') return registration
    return { kind: 'done', value: { ...this.#report(registration.tunnel), key: registration.key } }
  }

  async delete(reference: string): Promise<OperatorReply<TunnelReport>> {
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return notFound()
    const deletion = await this.#lifecycle.delete(tunnel.id)
    return deletion.kind === 'refused' ? deletion : { kind: 'done', value: this.#report(tunnel) }
  }

  #report(tunnel: Tunnel): TunnelReport {
    return {
      ...tunnel,
      name: nameOf(tunnel, this.#origin),
      state: stateOf(tunnel),
      fault: this.#lifecycle.faultOf(tunnel.id),
    }
  }
}

/** One line a problem, as the commands print it. */
export function problemLines(problems: readonly Problem[], language: Language): string[] {
  return problems.map(problem => {
    const field = problem.field === undefined ? '' : ` (${problem.field})`
    return `${problem.code}${field}: ${language.detail(problem)}`
  })
}

function notFound<T>(): OperatorReply<T> {
  return { kind: 'refused', problems: [REFUSAL.noTunnel()] }
}
