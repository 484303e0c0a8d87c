import { findTunnel, whyNotFound } from '../lifecycle/find-tunnel.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from '../lifecycle/refusal.ts'
import type { Admission } from '../registration/admission.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { Contact, ContactReading, ContactWish, WayName } from '../tunnel/contact.ts'
import { isMtu } from '../tunnel/mtu.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Outcome } from './outcome.ts'
import { documentOf } from './problem-document.ts'
import type { WarnedReport } from './tunnel-report.ts'
import type { TunnelReports } from './tunnel-reports.ts'

/** Reads where owners are to be told, and knows where they are told now. */
interface Contacts {
  read(wish: ContactWish, tunnelId?: string): ContactReading
  of(tunnelId: string): Contact | undefined
}

/** What is changed with: the parts of a broker that commands work on. */
export interface TunnelChangesParts {
  readonly table: TunnelReader
  readonly lifecycle: Lifecycle
  readonly admission: Admission
  readonly contacts: Contacts
  readonly reports: TunnelReports
  readonly origin: string
  /** BCP 47, of what is sent to owners who have chosen none. */
  readonly language: string
}

/** What became of a change: a refusal, or anything else, with what is to be known of it. */
type Change = Refusal | { readonly kind: string; readonly warnings?: readonly Problem[] }

/** What an owner changes of a tunnel on its page, at the hand of the operator: the same checks, but no limits and no key. */
export class TunnelChanges {
  readonly #parts: TunnelChangesParts

  constructor(parts: TunnelChangesParts) {
    this.#parts = parts
  }

  /** Moves a tunnel to another IPv4 address; a dormant one comes back there, a suspended one stays where it is. */
  endpoint(reference: string, ipv4: string): Promise<Outcome<WarnedReport>> {
    const { admission, lifecycle } = this.#parts
    return this.#change(reference, async tunnel => {
      if (tunnel.kind.publicKey !== undefined) return refused(noField('ipv4', 'public_key'))
      const verdict = await admission.checkEndpoint(ipv4, undefined, tunnel.id)
      if (verdict.kind === 'refused') return verdict
      const change = await lifecycle.changeEndpoint(tunnel.id, verdict.request.ipv4)
      return change.kind === 'refused' ? change : { ...change, warnings: verdict.warnings }
    })
  }

  /** Lets a WireGuard tunnel be known by another public key; a dormant one comes back with it. */
  publicKey(reference: string, publicKey: string): Promise<Outcome<WarnedReport>> {
    const { admission, lifecycle } = this.#parts
    return this.#change(reference, async tunnel => {
      if (tunnel.kind.publicKey === undefined) return refused(noField('public_key', 'ipv4'))
      const verdict = admission.checkKey(tunnel, publicKey)
      return verdict.kind === 'refused' ? verdict : lifecycle.changeKey(tunnel.id, verdict.request)
    })
  }

  /** Lets a tunnel have a smaller MTU than its kind; undefined: that of its kind. A dormant one stays dormant. */
  mtu(reference: string, mtu: unknown): Promise<Outcome<WarnedReport>> {
    const { admission, lifecycle } = this.#parts
    return this.#change(reference, async ({ id, kind }) => {
      const wrong = admission.checkMtu(kind.name, mtu)
      return wrong === undefined ? lifecycle.changeMtu(id, isMtu(mtu) ? mtu : undefined) : refused(wrong)
    })
  }

  /** Routes a prefix to a tunnel, or takes it back; one that has it, or not, already stays as it is. */
  async routed(reference: string, isWanted: boolean): Promise<Outcome<WarnedReport>> {
    const { admission, lifecycle } = this.#parts
    const notOffered = admission.checkRouted(isWanted)
    if (notOffered !== undefined) return refused(notOffered)
    return this.#change(reference, ({ id }) => lifecycle.changeRouted(id, isWanted))
  }

  /** Has the owner told by a way, once whoever reads there has said yes; an empty target: no more by that way. */
  contact(reference: string, way: WayName, target: string): Promise<Outcome<WarnedReport>> {
    const { contacts, lifecycle, language } = this.#parts
    return this.#change(reference, async ({ id }) => {
      const read = () => contacts.read({ [way]: target, language: contacts.of(id)?.language ?? language }, id)
      const { problems } = read()
      if (problems.length > 0) return refused(...problems)
      return written(() =>
        lifecycle.setContact(id, () => {
          const { contact, asking } = read()
          return { contact, asking: asking.map(({ kind }) => kind) }
        }),
      )
    })
  }

  /** Notes something of a tunnel in place of what was noted; empty: nothing. Nobody but the operator sees it. */
  note(reference: string, note: string): Promise<Outcome<WarnedReport>> {
    const { lifecycle } = this.#parts
    return this.#change(reference, ({ id }) => written(() => lifecycle.setNote(id, note.trim())))
  }

  /** Changes a tunnel, and reports it as it is then. */
  async #change(
    reference: string,
    change: (tunnel: Tunnel) => Promise<Change>,
  ): Promise<Outcome<WarnedReport>> {
    const { table, origin, reports } = this.#parts
    const tunnel = findTunnel(table, origin, reference)
    if (tunnel === undefined) return refused(whyNotFound(table, origin, reference))
    const outcome = await change(tunnel)
    if ('problems' in outcome) return outcome
    const changed = findTunnel(table, origin, tunnel.id)
    if (changed === undefined) return refused(REFUSAL.noTunnel())
    return { kind: 'done', value: { ...reports.of(changed), ...warningsIn(outcome.warnings) } }
  }
}

/** What the operator should know although it was done, in words; nothing if there is nothing. */
export function warningsIn(problems: readonly Problem[] = []): Pick<WarnedReport, 'warnings'> {
  return problems.length === 0 ? {} : { warnings: documentOf(problems).errors }
}

/** As the API says it of a field that another kind of tunnel has. */
function noField(name: string, known: string): Problem {
  return { ...problem('field-unknown', { name: JSON.stringify(name), known }), field: name }
}

async function written(write: () => Promise<unknown>): Promise<Change> {
  try {
    await write()
    return { kind: 'written' }
  } catch (error) {
    return refused(storageProblem(error))
  }
}
