import { findTunnel } from '../lifecycle/find-tunnel.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import type { Admission, RegistrationInput } from '../registration/admission.ts'
import { PROBLEMS, type Problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-store.ts'
import {
  type BrokenRow,
  nameOf,
  stateOf,
  type Tunnel,
  type TunnelText,
  tunnelText,
} from '../tunnel/tunnel.ts'

/** A tunnel as the operator sees it: the row, its name, and why its interface is missing if it is. */
export interface TunnelReport extends TunnelText {
  readonly name: string
  readonly state: string
  readonly fault: string | undefined
}

export type OperatorReply<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** What an operator may do to tunnels: the same rooms as for visitors, without a visitor's limits or keys. */
export class Operator {
  readonly #table: TunnelReader
  readonly #lifecycle: Lifecycle
  readonly #admission: Admission
  readonly #origin: string

  constructor(options: {
    readonly table: TunnelReader
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

  /** Rows that another program wrote and that can't be used. */
  broken(): readonly BrokenRow[] {
    return this.#table.brokenRows()
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

  /** A broken row is deleted by its id. */
  async delete(reference: string): Promise<OperatorReply<TunnelReport | BrokenRow>> {
    const broken = this.#table.brokenById(reference)
    if (broken !== undefined) {
      const deletion = await this.#lifecycle.delete(broken.id)
      return deletion.kind === 'refused' ? deletion : { kind: 'done', value: broken }
    }
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return notFound()
    const deletion = await this.#lifecycle.delete(tunnel.id)
    return deletion.kind === 'refused' ? deletion : { kind: 'done', value: this.#report(tunnel) }
  }

  #report(tunnel: Tunnel): TunnelReport {
    return {
      ...tunnelText(tunnel),
      name: nameOf(tunnel, this.#origin),
      state: stateOf(tunnel),
      fault: this.#lifecycle.faultOf(tunnel.id),
    }
  }
}

/** One line a problem, as the commands print it. */
export function problemLines(problems: readonly Problem[]): string[] {
  return problems.map(
    ({ code, field, detail }) =>
      `${code}${field === undefined ? '' : ` (${field})`}: ${detail || PROBLEMS[code].title}`,
  )
}

function notFound<T>(): OperatorReply<T> {
  return { kind: 'refused', problems: [REFUSAL.noTunnel()] }
}
