import { formatIpv6 } from '../address/ipv6.ts'
import { formatPrefix, type Prefix, parsePrefix, prefixContains } from '../address/prefix.ts'
import { findTunnel } from '../lifecycle/find-tunnel.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from '../lifecycle/refusal.ts'
import type { Admission, RegistrationInput } from '../registration/admission.ts'
import type { TunnelReader } from '../store/tunnel-store.ts'
import type { Octets } from '../tunnel/interface.ts'
import { type BrokenRow, nameOf, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Outcome } from './outcome.ts'
import type { TunnelReport } from './tunnel-report.ts'

/** Which tunnels are listed: all of these must be so. */
export interface TunnelFilter {
  readonly state?: string | undefined
  readonly country?: string | undefined
  /** Any part of the name, in any case. */
  readonly name?: string | undefined
  /** An address or a prefix of either family: an end of the tunnel, its endpoint, or what is routed to it. */
  readonly address?: string | undefined
}

/** A part of a list, and where the next part begins; null at the end. */
interface ListSlice {
  readonly tunnels: TunnelReport[]
  readonly next: string | null
}

/** What has passed a tunnel, as far as it was counted. */
interface Traffic {
  of(id: string): Octets | undefined
}

/** Begins `after` in the part of a list that has the dormant tunnels; no id begins so. */
const DORMANT = '~'

/** What an operator may do to tunnels: the same rooms as for visitors, without a visitor's limits or keys. */
export class Operator {
  readonly #table: TunnelReader
  readonly #lifecycle: Lifecycle
  readonly #admission: Admission
  readonly #traffic: Traffic
  readonly #origin: string

  constructor(options: {
    readonly table: TunnelReader
    readonly lifecycle: Lifecycle
    readonly admission: Admission
    readonly traffic: Traffic
    readonly origin: string
  }) {
    this.#table = options.table
    this.#lifecycle = options.lifecycle
    this.#admission = options.admission
    this.#traffic = options.traffic
    this.#origin = options.origin
  }

  /**
   * Looks at `limit` tunnels with ids after `after`, and gives those that the filter lets through. Rows that another
   * program wrote and that can't be used come behind them, and dormant tunnels last.
   */
  list(after: string, limit: number, filter: TunnelFilter): ListSlice {
    if (after.startsWith(DORMANT)) return this.#listDormant(after.slice(DORMANT.length), limit, filter)
    const rows = this.#table.after(after, limit)
    const last = rows.length < limit ? undefined : rows.at(-1)?.id
    const broken = last === undefined ? this.#table.brokenRows().map(reportOfBroken) : []
    const reports = [...rows.map(tunnel => this.#report(tunnel)), ...broken]
    const tunnels = reports.filter(report => passes(report, filter))
    if (last !== undefined) return { tunnels, next: last }
    return { tunnels, next: this.#table.dormant.count() === 0 ? null : DORMANT }
  }

  #listDormant(after: string, limit: number, filter: TunnelFilter): ListSlice {
    const rows = this.#table.dormant.after(after, limit)
    const reports = rows.map(tunnel => this.#report(tunnel))
    const last = rows.length < limit ? undefined : rows.at(-1)?.id
    return {
      tunnels: reports.filter(report => passes(report, filter)),
      next: last === undefined ? null : `${DORMANT}${last}`,
    }
  }

  /** `reference` is an id, `nicname.country`, or the full name. */
  show(reference: string): Outcome<TunnelReport> {
    const broken = this.#table.brokenById(reference)
    if (broken !== undefined) return { kind: 'done', value: reportOfBroken(broken) }
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    return tunnel === undefined ? refused(REFUSAL.noTunnel()) : { kind: 'done', value: this.#report(tunnel) }
  }

  async add(input: RegistrationInput): Promise<Outcome<TunnelReport & { readonly key: string }>> {
    const verdict = await this.#admission.check(input)
    if (verdict.kind === 'refused') return verdict
    const registration = await this.#lifecycle.register(verdict.request)
    if (registration.kind === 'refused') return registration
    return { kind: 'done', value: { ...this.#report(registration.tunnel), key: registration.key } }
  }

  /** A broken row is deleted by its id. */
  async delete(reference: string): Promise<Outcome<TunnelReport>> {
    const broken = this.#table.brokenById(reference)
    if (broken !== undefined) {
      const deletion = await this.#lifecycle.delete(broken.id, 'operator')
      return deletion.kind === 'refused' ? deletion : { kind: 'done', value: reportOfBroken(broken) }
    }
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return refused(REFUSAL.noTunnel())
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
    if (tunnel === undefined) return refused(REFUSAL.noTunnel())
    const renewal = await this.#lifecycle.renewKey(tunnel.id)
    if (renewal.kind === 'refused') return renewal
    return { kind: 'done', value: { ...this.#report(renewal.tunnel), key: renewal.key } }
  }

  /** Routes a prefix to a tunnel, or takes it back; one that has it, or not, already stays as it is. */
  async changeRouted(reference: string, isWanted: boolean): Promise<Outcome<TunnelReport>> {
    const notOffered = this.#admission.checkRouted(isWanted)
    if (notOffered !== undefined) return refused(notOffered)
    return this.#change(reference, ({ id }) => this.#lifecycle.changeRouted(id, isWanted))
  }

  /** Notes something of a tunnel in place of what was noted; empty: nothing. Nobody but the operator sees it. */
  note(reference: string, note: string): Promise<Outcome<TunnelReport>> {
    return this.#change(reference, async ({ id }) => {
      try {
        await this.#lifecycle.setNote(id, note.trim())
        return { kind: 'noted' }
      } catch (error) {
        return refused(storageProblem(error))
      }
    })
  }

  /** Changes a tunnel, and reports it as it is then. */
  async #change(
    reference: string,
    change: (tunnel: Tunnel) => Promise<{ readonly kind: string } | Refusal>,
  ): Promise<Outcome<TunnelReport>> {
    const tunnel = findTunnel(this.#table, this.#origin, reference)
    if (tunnel === undefined) return refused(REFUSAL.noTunnel())
    const outcome = await change(tunnel)
    return isRefusal(outcome) ? outcome : this.show(tunnel.id)
  }

  #report(tunnel: Tunnel): TunnelReport {
    return {
      id: tunnel.id,
      name: nameOf(tunnel, this.#origin),
      nicname: tunnel.nicname,
      country: tunnel.country,
      os: tunnel.os,
      state: stateOf(tunnel),
      ipv4_client: tunnel.ipv4Client ?? null,
      ipv6_client: formatIpv6(tunnel.ipv6Client),
      ipv6_server: formatIpv6(tunnel.ipv6Server),
      kind: tunnel.kind.name,
      ...(tunnel.routedPrefix === undefined ? {} : { routed_prefix: formatPrefix(tunnel.routedPrefix) }),
      device: tunnel.device,
      creation_time: tunnel.creationTime,
      unreachable: tunnel.unreachable,
      received_octets: this.#traffic.of(tunnel.id)?.received,
      sent_octets: this.#traffic.of(tunnel.id)?.sent,
      dormant_since: tunnel.dormant?.since,
      until: this.#lifecycle.endOf(tunnel),
      fault: this.#lifecycle.faultOf(tunnel.id),
      note: this.#table.noteOf(tunnel.id),
    }
  }
}

function isRefusal(outcome: { readonly kind: string }): outcome is Refusal {
  return outcome.kind === 'refused'
}

/** What can be said of a row that can't be used: its columns as they stand. */
function reportOfBroken({ id, reason, columns }: BrokenRow): TunnelReport {
  const { nicname = '', country = '' } = columns
  return {
    id,
    name: `${nicname}.${country}`,
    nicname,
    country,
    os: columns.os ?? '',
    state: 'broken',
    ipv4_client: columns.IPv4client ?? null,
    ipv6_client: columns.IPv6client ?? '',
    ipv6_server: columns.IPv6server ?? '',
    device: columns.device ?? '',
    creation_time: Math.trunc(Number(columns.creation_time)) || 0,
    unreachable: Math.trunc(Number(columns.unreachable)) || 0,
    fault: reason,
  }
}

function passes(report: TunnelReport, { state, country, name, address }: TunnelFilter): boolean {
  if (address !== undefined && !isAt(report, address)) return false
  if (state !== undefined && report.state !== state) return false
  if (country !== undefined && report.country !== country.toLowerCase()) return false
  return name === undefined || report.name.includes(name.toLowerCase())
}

function isAt(report: TunnelReport, address: string): boolean {
  const wanted = parsePrefix(address)
  const own = [report.ipv4_client ?? '', report.ipv6_client, report.ipv6_server, report.routed_prefix ?? '']
  return wanted !== undefined && own.some(text => overlaps(wanted, parsePrefix(text)))
}

function overlaps(one: Prefix, other: Prefix | undefined): boolean {
  return other !== undefined && (prefixContains(one, other.octets) || prefixContains(other, one.octets))
}
