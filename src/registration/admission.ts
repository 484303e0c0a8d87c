import { parseIpv4 } from '../address/ipv4.ts'
import { formatIpv6 } from '../address/ipv6.ts'
import { type SpecialKind, specialPurpose } from '../address/special-purpose.ts'
import { type Prober, type Verdict, verdictOf } from '../echo/prober.ts'
import { REFUSAL, type Refusal, refused } from '../lifecycle/refusal.ts'
import type { TunnelRequest } from '../lifecycle/registration.ts'
import type { ReservedNames } from '../lifecycle/reserved-names.ts'
import type { Log } from '../shared/log.ts'
import { type Field, type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-store.ts'
import type { ContactWish, WayName } from '../tunnel/contact.ts'
import type { Kinds } from '../tunnel/kind.ts'
import { isLabel } from '../tunnel/label.ts'
import { isMtu, SMALLEST_MTU } from '../tunnel/mtu.ts'
import { type KindFields, NEW, type Tunnel } from '../tunnel/tunnel.ts'
import { lowerCaseAscii } from './ascii.ts'
import { isCountry } from './country.ts'
import type { EntryRules, InvitationFindings } from './entry-rules.ts'
import { OwnAddresses } from './own-addresses.ts'
import { ProbeGate } from './probe-gate.ts'
import { isReservedNicname } from './reserved-nicnames.ts'
import { limitKey } from './visitor.ts'

/** What somebody asks for, as typed. */
export type RegistrationInput = Readonly<
  Record<Exclude<Field, 'public_key' | 'invitation' | WayName>, string>
> & {
  /** A code that the operator has given out; none unless it is given. */
  readonly invitation?: string
  /** The name of a kind; the first kind if it is not given. */
  readonly kind?: string
  /** Whether a prefix is to be routed to the tunnel. */
  readonly wantsRouted?: boolean
  /** Octets, if it is to be less than the kind's. */
  readonly mtu?: unknown
  /** What the kind asks for beyond the fields. */
  readonly details?: unknown
  /** Where the owner wants to be told of the tunnel. */
  readonly contact?: ContactWish
}

/** Who asks: the request's source address in text form; undefined for the operator, who may register for anybody. */
export interface Visitor {
  readonly address: string
}

export type AdmissionVerdict<T> =
  | { readonly kind: 'admitted'; readonly request: T; readonly warnings: readonly Problem[] }
  | Refusal

/** Where a tunnel is to move to. */
export interface EndpointRequest {
  readonly ipv4: string
  /** The id of the silent tunnel that has this endpoint and loses it. */
  readonly holder: string | undefined
}

export interface AdmissionPolicy {
  /** Our own end of every tunnel, canonical text. */
  readonly serverIpv4: string
  readonly foreignEndpoints: boolean
  readonly allowSpecialPurpose: boolean
  readonly reachability: 'require' | 'warn' | 'off'
  /** How long an echo reply may take, in milliseconds. */
  readonly timeoutMs: number
  /** Names of the kinds that can be registered. */
  readonly offered: readonly string[]
  /** Whether a prefix can be routed to a tunnel. */
  readonly offersRouted: boolean
  /** The largest packet that a kind of tunnel carries. */
  mtuOf(kind: string): number
  /** Operating systems that there are scripts for, by kind. */
  osIds(kind: string): readonly string[]
}

/** Seconds after which probes that are under way are over. */
const PROBES_SECONDS = 10
/** Echoes that an endpoint may lose before it counts as unreachable: one is lost easily. */
const ECHO_ATTEMPTS = 3
const MAX_LABEL_LENGTH = 63 // RFC 1035 2.3.4
/** Kept for encodings of other alphabets (RFC 5891 4.2.3.1): a name that looks like another's is no use. */
const TAGGED = /^..--/
/** Kinds that no laboratory can use either: an endpoint must be one host. */
const NEVER_AN_ENDPOINT: ReadonlySet<SpecialKind> = new Set<SpecialKind>(['multicast', 'unusable'])

/** The draft's sanity checks (server step 1): one check a function, one stable code each, all problems together. */
export class Admission {
  readonly #policy: AdmissionPolicy
  readonly #kinds: Kinds
  readonly #table: TunnelReader
  readonly #zone: Pick<ReservedNames, 'isReserved'>
  readonly #prober: Prober
  readonly #log: Log
  readonly #entry: EntryRules
  readonly #ownAddresses = new OwnAddresses()
  readonly #gate = new ProbeGate()

  constructor(options: {
    readonly policy: AdmissionPolicy
    readonly kinds: Kinds
    readonly table: TunnelReader
    readonly zone: Pick<ReservedNames, 'isReserved'>
    readonly prober: Prober
    readonly entry: EntryRules
    readonly log: Log
  }) {
    this.#policy = options.policy
    this.#kinds = options.kinds
    this.#table = options.table
    this.#zone = options.zone
    this.#prober = options.prober
    this.#entry = options.entry
    this.#log = options.log
  }

  /** Checks a registration. White space around a value is dropped and letters of names are folded; nothing else is guessed. */
  async check(input: RegistrationInput, visitor?: Visitor): Promise<AdmissionVerdict<TunnelRequest>> {
    const request = {
      nicname: lowerCaseAscii(input.nicname.trim()),
      country: lowerCaseAscii(input.country.trim()),
      os: input.os.trim(),
    }
    if (visitor !== undefined && this.#entry.isBlocked(visitor.address))
      return refused(problem('address-blocked', { case: 'visitor', address: visitor.address }))
    const door = this.#checkInvitation(input, visitor)
    const nicnameProblem =
      checkNicname(request.nicname) ?? this.#checkBlockedNicname(request.nicname, visitor)
    const countryProblem = checkCountry(request.country)
    const kind = this.#checkKind(input)
    const ipv4 = kind.hasEndpoint ? input.ipv4.trim() : undefined
    const endpoint = await this.#checkEndpointOf(ipv4, visitor, door)
    const nameProblem =
      nicnameProblem ?? (countryProblem === undefined ? this.#checkName(request) : undefined)
    const wantsRouted = input.wantsRouted ?? false
    const own = [
      door.problem,
      nameProblem,
      countryProblem,
      this.#checkOs(request.os, kind.name),
      this.checkRouted(wantsRouted),
      kind.name === undefined ? undefined : this.checkMtu(kind.name, input.mtu),
    ].filter(isProblem)
    const problems = [...kind.problems, ...endpoint.problems, ...own]
    if (problems.length > 0 || kind.fields === undefined) return refused(...problems)
    return {
      kind: 'admitted',
      request: {
        ...request,
        ipv4,
        kind: kind.fields,
        ...(wantsRouted ? { wantsRouted } : {}),
        ...mtuIn(input),
        ...(door.invitation === undefined ? {} : { invitation: door.invitation }),
      },
      warnings: endpoint.warnings,
    }
  }

  /**
   * Checks the new endpoint of the tunnel `tunnelId`, which may be the one it has. Who comes from that very address wins
   * over a tunnel that holds it and is silent: that one is then the request's `holder`.
   */
  async checkEndpoint(
    ipv4: string,
    visitor: Visitor | undefined,
    tunnelId: string,
  ): Promise<AdmissionVerdict<EndpointRequest>> {
    const wanted = ipv4.trim()
    const holder = await this.#silentHolder(wanted, visitor, tunnelId)
    const request = { ipv4: wanted, holder }
    const { problems, warnings } = await this.#checkEndpoint(wanted, visitor, holder ?? tunnelId)
    return problems.length > 0 ? refused(...problems) : { kind: 'admitted', request, warnings }
  }

  /** Checks what is to be the key of a tunnel, which may be the one it has. */
  checkKey(tunnel: Tunnel, publicKey: string): AdmissionVerdict<KindFields> {
    const { fields, problems } = this.#checkKind(
      { kind: tunnel.kind.name, details: { publicKey: publicKey.trim() } },
      tunnel.id,
    )
    if (problems.length > 0 || fields === undefined) return refused(...problems)
    return { kind: 'admitted', request: fields, warnings: [] }
  }

  /** The operator registers anybody. */
  #checkInvitation(
    { invitation = '' }: Pick<RegistrationInput, 'invitation'>,
    visitor: Visitor | undefined,
  ): InvitationFindings {
    return visitor === undefined ? {} : this.#entry.checkInvitation(invitation)
  }

  #checkBlockedEndpoint(ipv4: string, visitor: Visitor | undefined): Problem | undefined {
    if (visitor === undefined || !this.#entry.isBlocked(ipv4)) return undefined
    return problem('address-blocked', { case: 'endpoint', address: ipv4 })
  }

  #checkBlockedNicname(nicname: string, visitor: Visitor | undefined): Problem | undefined {
    if (visitor === undefined || !this.#entry.isNicnameBlocked(nicname)) return undefined
    return problem('nicname-blocked', { nicname })
  }

  #checkKind(
    { kind: asked, details }: Pick<RegistrationInput, 'kind' | 'details'>,
    tunnelId?: string,
  ): KindFindings {
    const name = asked ?? this.#kinds.first.name
    const kind = this.#policy.offered.includes(name) ? this.#kinds.byName(name) : undefined
    const fields = kind?.readFields(details)
    const hasEndpoint = kind?.hasEndpoint ?? false
    if (kind === undefined || fields === undefined) {
      const found = kind?.detailsProblem?.(details) ?? this.#unknownKind()
      return { name: kind?.name, hasEndpoint, fields, problems: [found] }
    }
    const taken = this.#checkKeyInUse(fields, tunnelId)
    return { name, hasEndpoint, fields, problems: [...kind.admit(fields), taken].filter(isProblem) }
  }

  #checkKeyInUse({ publicKey }: KindFields, tunnelId: string | undefined): Problem | undefined {
    const holder = publicKey === undefined ? undefined : this.#table.idByPublicKey(publicKey)
    return holder === undefined || holder === tunnelId ? undefined : REFUSAL.publicKeyInUse()
  }

  /** Whether a prefix can be routed to whoever wants one. */
  checkRouted(isWanted: boolean): Problem | undefined {
    return isWanted && !this.#policy.offersRouted ? problem('routed-prefix-none', {}) : undefined
  }

  /** Undefined is no wish: that of the kind is taken. */
  checkMtu(kind: string, mtu: unknown): Problem | undefined {
    const most = this.#policy.mtuOf(kind)
    if (mtu === undefined || (isMtu(mtu) && mtu <= most)) return undefined
    return problem('mtu-range', { least: SMALLEST_MTU, most })
  }

  #unknownKind(): Problem {
    return problem('kind-unknown', { known: this.#policy.offered.join(', ') })
  }

  /** Nobody is pinged for the uninvited. */
  async #checkEndpointOf(
    ipv4: string | undefined,
    visitor: Visitor | undefined,
    door: InvitationFindings,
  ): Promise<EndpointFindings> {
    if (ipv4 === undefined) return NOTHING_FOUND
    if (door.problem === undefined) return this.#checkEndpoint(ipv4, visitor)
    return { problems: [this.#endpointProblem(ipv4, visitor)].filter(isProblem), warnings: [] }
  }

  async #checkEndpoint(
    ipv4: string,
    visitor: Visitor | undefined,
    tunnelId?: string,
  ): Promise<EndpointFindings> {
    const found = this.#endpointProblem(ipv4, visitor, tunnelId)
    if (found !== undefined) return { problems: [found], warnings: [] }
    if (this.#policy.reachability === 'off') return NOTHING_FOUND
    const doubt = await this.#probeInTurn(ipv4, visitor)
    if (doubt === undefined) return NOTHING_FOUND
    return this.#policy.reachability === 'require'
      ? { problems: [doubt], warnings: [] }
      : { problems: [], warnings: [doubt] }
  }

  /** What can be seen of an endpoint without asking it. */
  #endpointProblem(ipv4: string, visitor: Visitor | undefined, tunnelId?: string): Problem | undefined {
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

  #checkSpecialPurpose(ipv4: string): Problem | undefined {
    const kind = specialPurpose(parseIpv4(ipv4) ?? 0)
    if (kind === undefined) return undefined
    if (this.#policy.allowSpecialPurpose && !NEVER_AN_ENDPOINT.has(kind)) return undefined
    return specialProblem(kind, ipv4)
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

  /** The tunnel whose endpoint the visitor may take for its own tunnel; undefined: there is none. */
  async #silentHolder(
    ipv4: string,
    visitor: Visitor | undefined,
    tunnelId: string,
  ): Promise<string | undefined> {
    if (visitor === undefined || visitor.address !== ipv4) return undefined
    const id = this.#table.idByEndpoint(ipv4)
    const holder = id === undefined || id === tunnelId ? undefined : this.#table.byId(id)
    if (holder === undefined || holder.unreachable === NEW) return undefined
    const target = formatIpv6(holder.ipv6Client)
    const verdict = await this.#gate.run(limitKey(visitor), () => this.#probe(target))
    const isSilent = verdict?.kind === 'silent' || (verdict?.kind === 'unknown' && holder.unreachable > 0)
    return isSilent ? id : undefined
  }

  #checkInUse(ipv4: string, tunnelId: string | undefined): Problem | undefined {
    const holder = this.#table.idByEndpoint(ipv4)
    return holder === undefined || holder === tunnelId ? undefined : REFUSAL.endpointInUse(ipv4)
  }

  /** Each probe may cost a process of ours and an echo to somebody else: few at a time are sent. */
  async #probeInTurn(ipv4: string, visitor: Visitor | undefined): Promise<Problem | undefined> {
    const key = visitor === undefined ? undefined : limitKey(visitor)
    const probing = await this.#gate.run(key, async () => ({ doubt: await this.#checkReachable(ipv4) }))
    if (probing !== undefined) return probing.doubt
    return problem('too-many-requests', { case: 'probes', seconds: PROBES_SECONDS })
  }

  async #probeOnce(target: string): Promise<Verdict> {
    return verdictOf(await this.#prober.probe([target], { timeoutMs: this.#policy.timeoutMs }), target)
  }

  async #probe(target: string): Promise<Verdict> {
    let verdict = await this.#probeOnce(target)
    for (let lost = 1; verdict.kind === 'silent' && lost < ECHO_ATTEMPTS; lost++)
      verdict = await this.#probeOnce(target)
    return verdict
  }

  async #checkReachable(ipv4: string): Promise<Problem | undefined> {
    const verdict = await this.#probe(ipv4)
    switch (verdict.kind) {
      case 'answered':
        return undefined
      case 'silent':
        return problem('ipv4-unreachable', { ipv4 })
      case 'unknown':
        this.#log.error({ reason: verdict.reason }, 'an endpoint could not be pinged')
        return problem('probe-fault', { ipv4 })
      default:
        return verdict satisfies never
    }
  }

  #checkName({ nicname, country }: Pick<TunnelRequest, 'nicname' | 'country'>): Problem | undefined {
    if (this.#zone.isReserved(nicname, country)) return problem('nicname-reserved', { nicname })
    return this.#table.idByName(nicname, country) === undefined
      ? undefined
      : REFUSAL.nicnameTaken(nicname, country)
  }

  #checkOs(os: string, kind: string | undefined): Problem | undefined {
    const known = this.#policy.osIds(kind ?? this.#kinds.first.name)
    if (known.includes(os)) return undefined
    return problem('os-unknown', { case: 'unknown', known: known.join(', ') })
  }
}

function mtuIn({ mtu }: RegistrationInput): { readonly mtu?: number } {
  return isMtu(mtu) ? { mtu } : {}
}

interface KindFindings {
  /** Undefined: it is not known. */
  readonly name: string | undefined
  readonly hasEndpoint: boolean
  readonly fields: KindFields | undefined
  readonly problems: readonly Problem[]
}

interface EndpointFindings {
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

const NOTHING_FOUND: EndpointFindings = { problems: [], warnings: [] }

/** Private and shared addresses have a remedy of their own, the others have none but another address. */
function specialProblem(kind: SpecialKind, ipv4: string): Problem {
  if (kind === 'private') return problem('ipv4-private', { ipv4 })
  if (kind === 'shared') return problem('ipv4-shared', { ipv4 })
  return problem('ipv4-special', { case: kind, ipv4 })
}

function checkIpv4Syntax(ipv4: string): Problem | undefined {
  return parseIpv4(ipv4) === undefined
    ? problem('ipv4-syntax', { case: 'malformed', visitor: '' })
    : undefined
}

function checkNicname(nicname: string): Problem | undefined {
  if (isReservedNicname(nicname)) return problem('nicname-reserved', { nicname })
  if (TAGGED.test(nicname)) return problem('nicname-syntax', { case: 'tagged', longest: MAX_LABEL_LENGTH })
  if (isLabel(nicname)) return undefined
  return problem('nicname-syntax', { case: 'malformed', longest: MAX_LABEL_LENGTH })
}

function checkCountry(country: string): Problem | undefined {
  return isCountry(country) ? undefined : problem('country-unknown', { case: 'unknown' })
}

function isProblem(found: Problem | undefined): found is Problem {
  return found !== undefined
}
