import { formatIpv6 } from '../address/ipv6.ts'
import { type Prober, type Verdict, verdictOf } from '../echo/prober.ts'
import { NEW, stateOf, type Tunnel } from '../tunnel/tunnel.ts'

/**
 * Why a tunnel does not work, as far as the broker can see from its own end; each has a remedy of its own. In the order
 * in which they are looked for: what is our own doing first, and what has no remedy but another look last.
 */
export const FINDINGS = [
  'dry-run',
  'suspended',
  'dormant',
  'own-interface',
  'being-made',
  'well',
  'large-lost',
  'echo-filtered',
  'never-heard',
  'tunnel-filtered',
  'endpoint-elsewhere',
  'endpoint-silent',
  'silent',
  'unknown',
] as const

export type Finding = (typeof FINDINGS)[number]

/** What an echo has shown; undefined: none was sent. */
type Answer = Verdict['kind'] | undefined

export interface Diagnosis {
  readonly finding: Finding
  /** What was seen: the tunnel's own address, small and large packets, and its endpoint over IPv4. */
  readonly tunnel: Answer
  readonly large: Answer
  readonly endpoint: Answer
  /** Milliseconds; undefined: the tunnel did not answer. */
  readonly roundTripMs: number | undefined
  /** What the kernel said when it refused our interface; empty: it did not. */
  readonly fault: string
}

/** What is asked of the life cycle. */
export interface DiagnosedLifecycle {
  faultOf(id: string): string | undefined
  /** Looks at our own end, and mends it; those whose end was sound all along. */
  check(ids: readonly string[]): Promise<ReadonlySet<string>>
  packetsFrom(ids: readonly string[]): Promise<ReadonlyMap<string, number>>
}

const NOTHING_SENT = {
  tunnel: undefined,
  large: undefined,
  endpoint: undefined,
  roundTripMs: undefined,
  fault: '',
}
/** An echo is lost now and then without any meaning. */
const ATTEMPTS = 2
/** Headers of IPv6 and of ICMPv6's echo. */
const HEADERS = 48
/** A diagnosis is given again for as long: who reloads makes us send nothing. */
const GOOD_FOR_MS = 10_000
const MAX_KEPT = 1000

/** Finds out why a tunnel does not work, by echoes and by what its packets show; each at most once in ten seconds. */
export class Diagnoses {
  readonly #lifecycle: DiagnosedLifecycle
  readonly #prober: Prober
  readonly #timeoutMs: number
  readonly #mtuOf: (tunnel: Tunnel) => number
  readonly #isDryRun: boolean
  readonly #now: () => number
  readonly #kept = new Map<string, { readonly until: number; readonly diagnosis: Promise<Diagnosis> }>()

  constructor(parts: {
    readonly lifecycle: DiagnosedLifecycle
    readonly prober: Prober
    readonly timeoutMs: number
    /** Octets of the largest packet that a tunnel takes. */
    readonly mtuOf: (tunnel: Tunnel) => number
    readonly isDryRun: boolean
    /** Milliseconds since some moment. */
    readonly now?: () => number
  }) {
    this.#lifecycle = parts.lifecycle
    this.#prober = parts.prober
    this.#timeoutMs = parts.timeoutMs
    this.#mtuOf = parts.mtuOf
    this.#isDryRun = parts.isDryRun
    this.#now = parts.now ?? (() => performance.now())
  }

  /**
   * `visitor`: the address that its owner comes from, which may be where the endpoint is by now; undefined: somebody else
   * asks.
   */
  of(tunnel: Tunnel, visitor?: { readonly address: string; readonly family: 4 | 6 }): Promise<Diagnosis> {
    const key = JSON.stringify([tunnel.id, stateOf(tunnel), tunnel.ipv4Client, visitor?.address])
    const kept = this.#kept.get(key)
    if (kept !== undefined && this.#now() < kept.until) return kept.diagnosis
    this.#makeRoom()
    const diagnosis = this.#diagnose(tunnel, visitor?.family === 4 ? visitor.address : undefined)
    this.#kept.set(key, { until: this.#now() + GOOD_FOR_MS, diagnosis })
    diagnosis.catch(() => this.#kept.delete(key))
    return diagnosis
  }

  async #diagnose(tunnel: Tunnel, visitor: string | undefined): Promise<Diagnosis> {
    const ours = await this.#ownSide(tunnel)
    if (ours !== undefined) return { ...NOTHING_SENT, ...ours }
    const target = formatIpv6(tunnel.ipv6Client)
    const before = await this.#packetsOf(tunnel)
    const small = await this.#echo(target)
    if (small.kind === 'answered') return this.#whenAnswered(tunnel, small.rttMs)
    const endpoint = tunnel.ipv4Client === undefined ? undefined : (await this.#echo(tunnel.ipv4Client)).kind
    const after = await this.#packetsOf(tunnel)
    const isSending = before !== undefined && after !== undefined && after > before
    const finding = findingOf(tunnel, { tunnel: small.kind, endpoint, isSending, visitor })
    return { ...NOTHING_SENT, finding, tunnel: small.kind, endpoint }
  }

  /** What is wrong at our own end, so that nothing need be sent. */
  async #ownSide(tunnel: Tunnel): Promise<Pick<Diagnosis, 'finding' | 'fault'> | undefined> {
    if (tunnel.dormant !== undefined)
      return { finding: tunnel.dormant.isSuspended ? 'suspended' : 'dormant', fault: '' }
    if (this.#isDryRun) return { finding: 'dry-run', fault: '' }
    const fault = this.#lifecycle.faultOf(tunnel.id)
    if (fault !== undefined) return { finding: 'own-interface', fault }
    if (tunnel.unreachable === NEW) return { finding: 'being-made', fault: '' }
    const sound = await this.#lifecycle.check([tunnel.id])
    if (sound.has(tunnel.id)) return undefined
    return { finding: 'own-interface', fault: this.#lifecycle.faultOf(tunnel.id) ?? '' }
  }

  async #whenAnswered(tunnel: Tunnel, roundTripMs: number): Promise<Diagnosis> {
    const large = await this.#echo(formatIpv6(tunnel.ipv6Client), this.#mtuOf(tunnel) - HEADERS)
    const finding = large.kind === 'silent' ? 'large-lost' : 'well'
    return { ...NOTHING_SENT, finding, tunnel: 'answered', large: large.kind, roundTripMs }
  }

  async #echo(target: string, dataOctets?: number): Promise<Verdict> {
    const options = { timeoutMs: this.#timeoutMs, ...(dataOctets === undefined ? {} : { dataOctets }) }
    let verdict = verdictOf(await this.#prober.probe([target], options), target)
    for (let lost = 1; verdict.kind === 'silent' && lost < ATTEMPTS; lost++)
      verdict = verdictOf(await this.#prober.probe([target], options), target)
    return verdict
  }

  /** Undefined: nobody knows. */
  async #packetsOf({ id }: Tunnel): Promise<number | undefined> {
    return (await this.#lifecycle.packetsFrom([id])).get(id)
  }

  #makeRoom(): void {
    const now = this.#now()
    for (const [key, { until }] of this.#kept) {
      if (this.#kept.size < MAX_KEPT && until > now) return
      this.#kept.delete(key)
    }
  }
}

interface Seen {
  readonly tunnel: 'silent' | 'unknown'
  readonly endpoint: Answer
  /** Packets came out of the tunnel meanwhile. */
  readonly isSending: boolean
  readonly visitor: string | undefined
}

function findingOf(tunnel: Tunnel, { tunnel: echo, endpoint, isSending, visitor }: Seen): Finding {
  if (isSending) return 'echo-filtered'
  if (echo === 'unknown' || endpoint === 'unknown') return 'unknown'
  const isWaiting = stateOf(tunnel) === 'waiting'
  if (endpoint === undefined) return isWaiting ? 'never-heard' : 'silent'
  if (endpoint === 'answered') return isWaiting ? 'never-heard' : 'tunnel-filtered'
  const isElsewhere = visitor !== undefined && visitor !== tunnel.ipv4Client
  return isElsewhere ? 'endpoint-elsewhere' : 'endpoint-silent'
}
