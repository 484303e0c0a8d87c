import { type Prober, type Verdict, verdictOf } from '../echo/prober.ts'
import type { Log } from '../shared/log.ts'
import { type Problem, problem } from '../shared/problem.ts'
import type { Customers } from './customers.ts'
import { ProbeGate } from './probe-gate.ts'
import type { Visitor } from './visitor.ts'

/** Seconds after which probes that are under way are over. */
const PROBES_SECONDS = 10
/** Echoes that an endpoint may lose before it counts as unreachable: one is lost easily. */
const ECHO_ATTEMPTS = 3

/** Echoes to where a visitor's tunnel is to end. */
export class EndpointEchoes {
  readonly #prober: Prober
  readonly #timeoutMs: number
  readonly #customers: Pick<Customers, 'keyOf'>
  readonly #log: Log
  readonly #gate = new ProbeGate()

  constructor(
    prober: Prober,
    options: {
      readonly timeoutMs: number
      readonly customers: Pick<Customers, 'keyOf'>
      readonly log: Log
    },
  ) {
    this.#prober = prober
    this.#timeoutMs = options.timeoutMs
    this.#customers = options.customers
    this.#log = options.log
  }

  /** Each probe may cost a process of ours and an echo to somebody else: few at a time are sent. */
  async doubtOf(ipv4: string, visitor: Visitor | undefined): Promise<Problem | undefined> {
    const key = visitor === undefined ? undefined : this.#customers.keyOf(visitor)
    const probing = await this.#gate.run(key, async () => ({ doubt: await this.#checkReachable(ipv4) }))
    if (probing !== undefined) return probing.doubt
    return problem('too-many-requests', { case: 'probes', seconds: PROBES_SECONDS })
  }

  /** Undefined: too many are under way. */
  verdictOn(target: string, visitor: Visitor): Promise<Verdict | undefined> {
    return this.#gate.run(this.#customers.keyOf(visitor), () => this.#probe(target))
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

  async #probeOnce(target: string): Promise<Verdict> {
    return verdictOf(await this.#prober.probe([target], { timeoutMs: this.#timeoutMs }), target)
  }

  async #probe(target: string): Promise<Verdict> {
    let verdict = await this.#probeOnce(target)
    for (let lost = 1; verdict.kind === 'silent' && lost < ECHO_ATTEMPTS; lost++)
      verdict = await this.#probeOnce(target)
    return verdict
  }
}
