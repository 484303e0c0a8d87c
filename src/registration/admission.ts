import type { Prober } from '../echo/prober.ts'
import { REFUSAL, type Refusal, refused } from '../lifecycle/refusal.ts'
import type { TunnelRequest } from '../lifecycle/registration.ts'
import type { ReservedNames } from '../lifecycle/reserved-names.ts'
import type { Log } from '../shared/log.ts'
import { type Field, type Problem, problem } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { ContactWish, WayName } from '../tunnel/contact.ts'
import type { Kinds } from '../tunnel/kind.ts'
import { isMtu, SMALLEST_MTU } from '../tunnel/mtu.ts'
import type { KindFields, Tunnel } from '../tunnel/tunnel.ts'
import { lowerCaseAscii } from './ascii.ts'
import { EndpointCheck, type EndpointFindings, type EndpointPolicy, NOTHING_FOUND } from './endpoint-check.ts'
import type { EntryRules, InvitationFindings } from './entry-rules.ts'
import { together } from './misread.ts'
import { checkCountry, checkNicname } from './name-check.ts'
import type { Visitor } from './visitor.ts'

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
  /** What could not be read: refused with all else that is wrong, and in place of what is said of the same fields. */
  readonly misread?: readonly Problem[]
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

export interface AdmissionPolicy extends EndpointPolicy {
  /** Whether a prefix can be routed to a tunnel. */
  readonly offersRouted: boolean
  /** The public key that clients know this server by, if it has one: no client can have it. */
  readonly serverPublicKey: string
  /** The largest packet that a kind of tunnel carries. */
  mtuOf(kind: string): number
  /** Operating systems that there are scripts for, by kind. */
  osIds(kind: string): readonly string[]
}

/** The draft's sanity checks (server step 1): one check a function, one stable code each, all problems together. */
export class Admission {
  readonly #policy: AdmissionPolicy
  readonly #kinds: Kinds
  readonly #table: TunnelReader
  readonly #zone: Pick<ReservedNames, 'isReserved' | 'isCountryReserved'>
  readonly #entry: EntryRules
  readonly #endpoint: EndpointCheck

  constructor(options: {
    readonly policy: AdmissionPolicy
    readonly kinds: Kinds
    readonly table: TunnelReader
    readonly zone: Pick<ReservedNames, 'isReserved' | 'isCountryReserved'>
    readonly prober: Prober
    readonly entry: EntryRules
    readonly log: Log
  }) {
    this.#policy = options.policy
    this.#kinds = options.kinds
    this.#table = options.table
    this.#zone = options.zone
    this.#entry = options.entry
    this.#endpoint = new EndpointCheck(options)
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
    const problems = together(input.misread, [...kind.problems, ...endpoint.problems, ...own])
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
    const holder = await this.#endpoint.silentHolder(wanted, visitor, tunnelId)
    const request = { ipv4: wanted, holder }
    const { problems, warnings } = await this.#endpoint.check(wanted, visitor, holder ?? tunnelId)
    return problems.length > 0 ? refused(...problems) : { kind: 'admitted', request, warnings }
  }

  /** What is wrong with a new endpoint at sight. Whoever holds the visitor's own address may be silent, and is not asked here. */
  seenOfEndpoint(ipv4: string, visitor: Visitor, tunnelId: string): readonly Problem[] {
    const holder = visitor.address === ipv4 ? this.#table.idByEndpoint(ipv4) : undefined
    return [this.#endpoint.problemOf(ipv4, visitor, holder ?? tunnelId)].filter(isProblem)
  }

  /** Checks what a tunnel is asked for again with, beyond its endpoint and name. */
  checkReturn(
    { kind }: Pick<Tunnel, 'kind'>,
    input: Pick<RegistrationInput, 'os' | 'wantsRouted' | 'mtu' | 'misread'>,
  ): AdmissionVerdict<Pick<TunnelRequest, 'os' | 'mtu'>> {
    const os = input.os.trim()
    const found = [
      this.#checkOs(os, kind.name),
      this.checkRouted(input.wantsRouted ?? false),
      this.checkMtu(kind.name, input.mtu),
    ].filter(isProblem)
    const problems = together(input.misread, found)
    if (problems.length > 0) return refused(...problems)
    return { kind: 'admitted', request: { os, ...mtuIn(input) }, warnings: [] }
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
    const taken = this.#checkKeyIsFree(fields, tunnelId)
    return { name, hasEndpoint, fields, problems: [...kind.admit(fields), taken].filter(isProblem) }
  }

  #checkKeyIsFree({ publicKey }: KindFields, tunnelId: string | undefined): Problem | undefined {
    if (publicKey !== undefined && publicKey === this.#policy.serverPublicKey)
      return problem('public-key-syntax', { case: 'servers' })
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
    if (door.problem === undefined) return this.#endpoint.check(ipv4, visitor)
    return { problems: [this.#endpoint.problemOf(ipv4, visitor)].filter(isProblem), warnings: [] }
  }

  #checkName({ nicname, country }: Pick<TunnelRequest, 'nicname' | 'country'>): Problem | undefined {
    if (this.#zone.isReserved(nicname, country)) {
      const isNoneFree = this.#zone.isCountryReserved(country)
      return isNoneFree ? problem('country-unserved', { country }) : problem('nicname-reserved', { nicname })
    }
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

function mtuIn({ mtu }: Pick<RegistrationInput, 'mtu'>): { readonly mtu?: number } {
  return isMtu(mtu) ? { mtu } : {}
}

interface KindFindings {
  /** Undefined: it is not known. */
  readonly name: string | undefined
  readonly hasEndpoint: boolean
  readonly fields: KindFields | undefined
  readonly problems: readonly Problem[]
}

function isProblem(found: Problem | undefined): found is Problem {
  return found !== undefined
}
