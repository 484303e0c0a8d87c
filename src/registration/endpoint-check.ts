import { parseIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { type SpecialKind, specialPurpose } from '../address/special-purpose.ts'
import type { Prober } from '../echo/prober.ts'
import { REFUSAL } from '../lifecycle/refusal.ts'
import type { Log } from '../shared/log.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import { NEW } from '../tunnel/tunnel.ts'
import type { Customers } from './customers.ts'
import { EndpointEchoes } from './endpoint-echoes.ts'
import type { EntryRules } from './entry-rules.ts'
import { OwnAddresses } from './own-addresses.ts'
import type { Visitor } from './visitor.ts'

/** Kinds that no laboratory can use either: an endpoint must be one host. */
const NEVER_AN_ENDPOINT: ReadonlySet<SpecialKind> = new Set<SpecialKind>(['multicast', 'unusable'])

/** What is demanded of a tunnel's IPv4 endpoint. */
export interface EndpointPolicy {
  /** Our own end of every tunnel, canonical text. */
  readonly serverIpv4: string
  readonly foreignEndpoints: boolean
  readonly allowSpecialPurpose: boolean
  readonly reachability: 'require' | 'warn' | 'off'
  /** How long an echo reply may take, in milliseconds. */
  readonly timeoutMs: number
  readonly customers: Customers
  /** Names of the kinds that can be registered now. */
  readonly offered: readonly string[]
}

export interface EndpointFindings {
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

export const NOTHING_FOUND: EndpointFindings = { problems: [], warnings: [] }

/** Checks the IPv4 address that a tunnel is to end at: what can be seen of it first, then whether it answers. */
export class EndpointCheck {
  readonly #policy: EndpointPolicy
  readonly #table: TunnelReader
  readonly #entry: EntryRules
  readonly #echoes: EndpointEchoes
  readonly #ownAddresses = new OwnAddresses()

  constructor(options: {
    readonly policy: EndpointPolicy
    readonly table: TunnelReader
    readonly prober: Prober
    readonly entry: EntryRules
    readonly log: Log
  }) {
    this.#policy = options.policy
    this.#table = options.table
    this.#entry = options.entry
    this.#echoes = new EndpointEchoes(options.prober, {
      timeoutMs: options.policy.timeoutMs,
      customers: options.policy.customers,
      log: options.log,
    })
  }

  /** `tunnelId` is the tunnel that may have it. */
  async check(ipv4: string, visitor: Visitor | undefined, tunnelId?: string): Promise<EndpointFindings> {
    const found = this.problemOf(ipv4, visitor, tunnelId)
    if (found !== undefined) return { problems: [found], warnings: [] }
    if (this.#policy.reachability === 'off') return NOTHING_FOUND
    const doubt = await this.#echoes.doubtOf(ipv4, visitor)
    if (doubt === undefined) return NOTHING_FOUND
    return this.#policy.reachability === 'require'
      ? { problems: [doubt], warnings: [] }
      : { problems: [], warnings: [doubt] }
  }

  /** What can be seen of an endpoint without asking it. */
  problemOf(ipv4: string, visitor: Visitor | undefined, tunnelId?: string): Problem | undefined {
    return (
      checkIpv4Syntax(ipv4) ??
      this.#checkSpecialPurpose(ipv4) ??
      this.#checkOwnAddress(ipv4) ??
      this.#checkVisitorsOwn(ipv4, visitor) ??
      this.#checkBlockedEndpoint(ipv4, visitor) ??
      this.#checkSuspended(ipv4, visitor) ??
      this.#checkInUse(ipv4, tunnelId)
    )
  }

  /** The tunnel whose endpoint the visitor may take for its own tunnel; undefined: there is none. */
  async silentHolder(
    ipv4: string,
    visitor: Visitor | undefined,
    tunnelId: string,
  ): Promise<string | undefined> {
    if (visitor === undefined || visitor.address !== ipv4) return undefined
    const id = this.#table.idByEndpoint(ipv4)
    const holder = id === undefined || id === tunnelId ? undefined : this.#table.byId(id)
    if (holder === undefined || holder.unreachable === NEW) return undefined
    const verdict = await this.#echoes.verdictOn(formatIpv6(holder.ipv6Client), visitor)
    const isSilent = verdict?.kind === 'silent' || (verdict?.kind === 'unknown' && holder.unreachable > 0)
    return isSilent ? id : undefined
  }

  #checkSpecialPurpose(ipv4: string): Problem | undefined {
    const kind = specialPurpose(parseIpv4(ipv4) ?? 0)
    if (kind === undefined) return undefined
    if (this.#policy.allowSpecialPurpose && !NEVER_AN_ENDPOINT.has(kind)) return undefined
    return specialProblem(kind, { ipv4, offered: this.#policy.offered })
  }

  /** In a laboratory, where special-purpose addresses are allowed, both ends of a tunnel may be on one machine. */
  #checkOwnAddress(ipv4: string): Problem | undefined {
    const { serverIpv4, allowSpecialPurpose } = this.#policy
    const isOwn = ipv4 === serverIpv4 || (!allowSpecialPurpose && this.#ownAddresses.has(ipv4))
    return isOwn ? problem('ipv4-own', { ipv4 }) : undefined
  }

  /** A tunnel to somebody else's host would send them traffic that they never asked for. */
  #checkVisitorsOwn(ipv4: string, visitor: Visitor | undefined): Problem | undefined {
    if (this.#policy.foreignEndpoints || visitor === undefined || visitor.address === ipv4) return undefined
    const isOverIpv6 = visitor.address.includes(':')
    return problem('ipv4-not-yours', {
      case: isOverIpv6 ? 'over-ipv6' : 'another',
      ipv4,
      visitor: visitor.address,
    })
  }

  /** Whose tunnel the operator has taken down does not get another one; the operator may give it. */
  #checkSuspended(ipv4: string, visitor: Visitor | undefined): Problem | undefined {
    if (visitor === undefined || !this.#table.dormant.isSuspendedAt(ipv4)) return undefined
    return problem('suspended', { case: 'endpoint' })
  }

  #checkBlockedEndpoint(ipv4: string, visitor: Visitor | undefined): Problem | undefined {
    if (visitor === undefined || !this.#entry.isBlocked(ipv4)) return undefined
    return problem('address-blocked', { case: 'endpoint', address: ipv4 })
  }

  #checkInUse(ipv4: string, tunnelId: string | undefined): Problem | undefined {
    const holder = this.#table.idByEndpoint(ipv4)
    return holder === undefined || holder === tunnelId ? undefined : REFUSAL.endpointInUse(ipv4)
  }
}

/** Behind NAT there is WireGuard, if it is offered; the others have no remedy but another address. */
function specialProblem(
  kind: SpecialKind,
  { ipv4, offered }: { readonly ipv4: string; readonly offered: readonly string[] },
): Problem {
  const remedy = offered.includes('wireguard') ? 'wireguard' : 'sit-alone'
  if (kind === 'private') return problem('ipv4-private', { case: remedy, ipv4 })
  if (kind === 'shared') return problem('ipv4-shared', { case: remedy, ipv4 })
  return problem('ipv4-special', { case: kind, ipv4 })
}

function checkIpv4Syntax(ipv4: string): Problem | undefined {
  return parseIpv4(ipv4) === undefined
    ? problem('ipv4-syntax', { case: 'malformed', visitor: '' })
    : undefined
}
