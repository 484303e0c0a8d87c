import { parseIpv4 } from '../address/ipv4.ts'
import { type SpecialKind, specialPurpose } from '../address/special-purpose.ts'
import type { Prober } from '../echo/prober.ts'
import { REFUSAL, type Refusal, refused } from '../lifecycle/refusal.ts'
import type { TunnelRequest } from '../lifecycle/registration.ts'
import type { ReservedNames } from '../lifecycle/reserved-names.ts'
import type { Log } from '../shared/log.ts'
import type { Field, Problem, ProblemCode } from '../shared/problem.ts'
import type { TunnelReader } from '../store/tunnel-store.ts'
import type { Kinds } from '../tunnel/kind.ts'
import { isLabel } from '../tunnel/label.ts'
import type { KindFields } from '../tunnel/tunnel.ts'
import { isCountry } from './country.ts'
import { OwnAddresses } from './own-addresses.ts'

/** What somebody asks for, as typed. */
export type RegistrationInput = Readonly<Record<Field, string>> & {
  /** The name of a kind; the first kind if it is not given. */
  readonly kind?: string
  /** What the kind asks for beyond the fields. */
  readonly details?: unknown
}

/** Who asks: the request's source address in text form; undefined for the operator, who may register for anybody. */
export interface Visitor {
  readonly address: string
}

export type AdmissionVerdict<T> =
  | { readonly kind: 'admitted'; readonly request: T; readonly warnings: readonly Problem[] }
  | Refusal

export interface AdmissionPolicy {
  /** Our own end of every tunnel, canonical text. */
  readonly serverIpv4: string
  readonly foreignEndpoints: boolean
  readonly allowSpecialPurpose: boolean
  readonly reachability: 'require' | 'warn' | 'off'
  /** How long an echo reply may take, in milliseconds. */
  readonly timeoutMs: number
  /** Operating systems that there are scripts for. */
  readonly osIds: readonly string[]
}

const MAX_LABEL_LENGTH = 63 // RFC 1035 2.3.4
/** Names that hosts look for by themselves, or that would pass for the service's own. */
const RESERVED_NICNAMES = new Set(
  'www mail ns ns1 ns2 mx ftp gw localhost wpad isatap autoconfig autodiscover'.split(' '),
)
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
  readonly #ownAddresses = new OwnAddresses()

  constructor(options: {
    readonly policy: AdmissionPolicy
    readonly kinds: Kinds
    readonly table: TunnelReader
    readonly zone: Pick<ReservedNames, 'isReserved'>
    readonly prober: Prober
    readonly log: Log
  }) {
    this.#policy = options.policy
    this.#kinds = options.kinds
    this.#table = options.table
    this.#zone = options.zone
    this.#prober = options.prober
    this.#log = options.log
  }

  /** Checks a registration. White space around a value is dropped and letters of names are folded; nothing else is guessed. */
  async check(input: RegistrationInput, visitor?: Visitor): Promise<AdmissionVerdict<TunnelRequest>> {
    const request = {
      nicname: input.nicname.trim().toLowerCase(),
      country: input.country.trim().toLowerCase(),
      os: input.os.trim(),
    }
    const nicnameProblem = checkNicname(request.nicname)
    const countryProblem = checkCountry(request.country)
    const kind = this.#checkKind(input)
    const ipv4 = kind.hasEndpoint ? input.ipv4.trim() : undefined
    const endpoint = ipv4 === undefined ? NOTHING_FOUND : await this.#checkEndpoint(ipv4, visitor)
    const nameProblem =
      nicnameProblem ?? (countryProblem === undefined ? this.#checkName(request) : undefined)
    const own = [nameProblem, countryProblem, this.#checkOs(request.os)].filter(isProblem)
    const problems = [...kind.problems, ...endpoint.problems, ...own]
    if (problems.length > 0 || kind.fields === undefined) return refused(...problems)
    return {
      kind: 'admitted',
      request: { ...request, ipv4, kind: kind.fields },
      warnings: endpoint.warnings,
    }
  }

  /** Checks the new endpoint of the tunnel `tunnelId`, which may be the one it has. */
  async checkEndpoint(
    ipv4: string,
    visitor: Visitor | undefined,
    tunnelId: string,
  ): Promise<AdmissionVerdict<{ readonly ipv4: string }>> {
    const request = { ipv4: ipv4.trim() }
    const { problems, warnings } = await this.#checkEndpoint(request.ipv4, visitor, tunnelId)
    return problems.length > 0 ? refused(...problems) : { kind: 'admitted', request, warnings }
  }

  #checkKind({ kind: name, details }: RegistrationInput): KindFindings {
    const kind = name === undefined ? this.#kinds.first : this.#kinds.byName(name)
    const fields = kind?.readFields(details)
    if (kind === undefined || fields === undefined)
      return { hasEndpoint: kind?.hasEndpoint ?? false, fields, problems: [this.#unknownKind()] }
    return { hasEndpoint: kind.hasEndpoint, fields, problems: kind.admit(fields) }
  }

  #unknownKind(): Problem {
    const names = this.#kinds.all.map(({ name }) => name).join(', ')
    return { code: 'kind-unknown', detail: `Choose one of ${names}, with the fields that it asks for.` }
  }

  async #checkEndpoint(
    ipv4: string,
    visitor: Visitor | undefined,
    tunnelId?: string,
  ): Promise<EndpointFindings> {
    const problem =
      checkIpv4Syntax(ipv4) ??
      this.#checkSpecialPurpose(ipv4) ??
      this.#checkOwnAddress(ipv4) ??
      this.#checkVisitorsOwn(ipv4, visitor) ??
      this.#checkInUse(ipv4, tunnelId)
    if (problem !== undefined) return { problems: [problem], warnings: [] }
    if (this.#policy.reachability === 'off') return NOTHING_FOUND
    const doubt = await this.#checkReachable(ipv4)
    if (doubt === undefined) return NOTHING_FOUND
    return this.#policy.reachability === 'require'
      ? { problems: [doubt], warnings: [] }
      : { problems: [], warnings: [doubt] }
  }

  #checkSpecialPurpose(ipv4: string): Problem | undefined {
    const kind = specialPurpose(parseIpv4(ipv4) ?? 0)
    if (kind === undefined) return undefined
    if (this.#policy.allowSpecialPurpose && !NEVER_AN_ENDPOINT.has(kind)) return undefined
    const { code, detail } = SPECIAL_PURPOSE_WORDS[kind]
    return { code, field: 'ipv4', detail: `${ipv4} ${detail}` }
  }

  /** In a laboratory, where special-purpose addresses are allowed, both ends of a tunnel may be on one machine. */
  #checkOwnAddress(ipv4: string): Problem | undefined {
    const { serverIpv4, allowSpecialPurpose } = this.#policy
    const isOwn = ipv4 === serverIpv4 || (!allowSpecialPurpose && this.#ownAddresses.has(ipv4))
    if (!isOwn) return undefined
    return {
      code: 'ipv4-own',
      field: 'ipv4',
      detail: `${ipv4} is the tunnel server itself. Give the public address of your own end.`,
    }
  }

  /** A tunnel to somebody else's host would send them traffic that they never asked for. */
  #checkVisitorsOwn(ipv4: string, visitor: Visitor | undefined): Problem | undefined {
    if (this.#policy.foreignEndpoints || visitor === undefined || visitor.address === ipv4) return undefined
    return {
      code: 'ipv4-not-yours',
      field: 'ipv4',
      detail: `You come from ${visitor.address}, not from ${ipv4}. Register from the host that will have the tunnel, or leave out any proxy.`,
    }
  }

  #checkInUse(ipv4: string, tunnelId: string | undefined): Problem | undefined {
    const holder = this.#table.idByEndpoint(ipv4)
    return holder === undefined || holder === tunnelId ? undefined : REFUSAL.endpointInUse(ipv4)
  }

  async #checkReachable(ipv4: string): Promise<Problem | undefined> {
    try {
      const replied = await this.#prober.probe([ipv4], { timeoutMs: this.#policy.timeoutMs })
      return replied.has(ipv4) ? undefined : silence(ipv4)
    } catch (error) {
      this.#log.error({ err: error }, 'an endpoint could not be pinged')
      return {
        code: 'probe-fault',
        field: 'ipv4',
        detail: `We could not ping ${ipv4}: that is our trouble, not yours. Try again later.`,
      }
    }
  }

  #checkName({ nicname, country }: Pick<TunnelRequest, 'nicname' | 'country'>): Problem | undefined {
    if (this.#zone.isReserved(nicname, country)) return reservedNicname(nicname)
    return this.#table.idByName(nicname, country) === undefined
      ? undefined
      : REFUSAL.nicnameTaken(nicname, country)
  }

  #checkOs(os: string): Problem | undefined {
    if (this.#policy.osIds.includes(os)) return undefined
    return { code: 'os-unknown', field: 'os', detail: `Choose one of ${this.#policy.osIds.join(', ')}.` }
  }
}

interface KindFindings {
  readonly hasEndpoint: boolean
  readonly fields: KindFields | undefined
  readonly problems: readonly Problem[]
}

interface EndpointFindings {
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

const NOTHING_FOUND: EndpointFindings = { problems: [], warnings: [] }

const SPECIAL_PURPOSE_WORDS: Readonly<
  Record<SpecialKind, { readonly code: ProblemCode; readonly detail: string }>
> = {
  private: {
    code: 'ipv4-private',
    detail:
      'is a private address: you are behind NAT. Give the public address of your router, and let it forward IP protocol 41 to your host, or register on the router itself.',
  },
  shared: {
    code: 'ipv4-shared',
    detail:
      'is shared among many customers: you are behind your provider’s NAT. A tunnel can’t reach you there; ask the provider for a public IPv4 address.',
  },
  loopback: {
    code: 'ipv4-special',
    detail: 'is the loopback address of every host. Give your public address.',
  },
  'link-local': { code: 'ipv4-special', detail: 'is valid on one link only. Give your public address.' },
  multicast: { code: 'ipv4-special', detail: 'is a multicast group, not a host. Give your public address.' },
  documentation: {
    code: 'ipv4-special',
    detail: 'is set aside for documentation. Give your public address.',
  },
  reserved: { code: 'ipv4-special', detail: 'is set aside by IANA (RFC 6890). Give your public address.' },
  unusable: { code: 'ipv4-special', detail: 'can’t be the address of a host. Give your public address.' },
}

function silence(ipv4: string): Problem {
  return {
    code: 'ipv4-unreachable',
    field: 'ipv4',
    detail: `${ipv4} did not answer our ping. Let ICMP echo and IP protocol 41 through your firewall, or check the address.`,
  }
}

function checkIpv4Syntax(ipv4: string): Problem | undefined {
  if (parseIpv4(ipv4) !== undefined) return undefined
  return {
    code: 'ipv4-syntax',
    field: 'ipv4',
    detail:
      'Write the IPv4 address as four decimal numbers from 0 to 255 without leading zeros, such as 198.51.100.7.',
  }
}

function checkNicname(nicname: string): Problem | undefined {
  if (RESERVED_NICNAMES.has(nicname)) return reservedNicname(nicname)
  if (isLabel(nicname)) return undefined
  return {
    code: 'nicname-syntax',
    field: 'nicname',
    detail: `A nicname is 1 to ${MAX_LABEL_LENGTH} letters a–z, digits and hyphens, with no hyphen at either end.`,
  }
}

function checkCountry(country: string): Problem | undefined {
  if (isCountry(country)) return undefined
  return {
    code: 'country-unknown',
    field: 'country',
    detail: 'Choose a country by its two-letter ISO 3166-1 code, such as ca or fr.',
  }
}

function reservedNicname(nicname: string): Problem {
  return {
    code: 'nicname-reserved',
    field: 'nicname',
    detail: `${nicname} is kept for the service itself. Choose another nicname.`,
  }
}

function isProblem(problem: Problem | undefined): problem is Problem {
  return problem !== undefined
}
