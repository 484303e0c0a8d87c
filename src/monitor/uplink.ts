import { type Verdict, type Verdicts, verdictOf } from '../echo/prober.ts'
import type { Gateway } from './default-gateways.ts'
import type { CutOff } from './own-outage.ts'

/** The gateways that answered when rounds last counted, beyond the end of a process. Neither of the two throws. */
export interface HeardGateways {
  readonly read: () => readonly Gateway[]
  readonly keep: (gateways: readonly Gateway[]) => void
}

/**
 * The test of our own uplink, asked about in the same batch as the tunnels: the operator's anchors, and the default
 * gateways. A gateway is evidence only once it has answered, to this process or to the one before: many never do.
 */
export class Uplink {
  readonly #anchors: readonly string[]
  readonly #readGateways: () => Promise<readonly Gateway[] | undefined>
  readonly #heard: HeardGateways | undefined
  #gateways: readonly Gateway[] = []
  /** Those that answered when a round last counted; undefined: the routing table could not be read so far. */
  #answering: readonly Gateway[] | undefined

  constructor(options: {
    readonly anchors: readonly string[]
    readonly readGateways: () => Promise<readonly Gateway[] | undefined>
    readonly heard?: HeardGateways | undefined
  }) {
    this.#anchors = options.anchors
    this.#readGateways = options.readGateways
    this.#heard = options.heard
  }

  /** Reads the routing table and returns whom to ask. Where it can't be read, those of the last reading. */
  async targets(): Promise<readonly string[]> {
    const found = await this.#readGateways()
    this.#gateways = found ?? this.#gateways
    if (found !== undefined) this.#answering ??= this.#heardBefore()
    return [...this.#anchors, ...this.#gateways.map(({ address }) => address)]
  }

  /** What the verdicts on `targets` say of us; undefined if nothing speaks against our uplink. */
  judge(verdicts: Verdicts): CutOff | undefined {
    const isSilent = (address: string) => verdictOf(verdicts, address).kind !== 'answered'
    if (this.#anchors.length > 0 && this.#anchors.every(isSilent)) {
      return { kind: 'anchors', reason: reasonOf(this.#anchors.map(address => verdictOf(verdicts, address))) }
    }
    return this.#lostRoute() ?? this.#silentGateway(isSilent)
  }

  /** Whether somebody beyond our own router has answered. */
  isThrough(verdicts: Verdicts): boolean {
    return this.#anchors.some(address => verdictOf(verdicts, address).kind === 'answered')
  }

  /** Remembers which gateways answer; for a round that counts. One that has fallen silent since is no evidence. */
  learn(verdicts: Verdicts): void {
    if (this.#answering === undefined) return
    this.#answering = this.#gateways.filter(({ address }) => verdictOf(verdicts, address).kind === 'answered')
    this.#heard?.keep(this.#answering)
  }

  /** What the process before heard says nothing of another gateway. Where there is none, the route is gone with the outage. */
  #heardBefore(): readonly Gateway[] {
    const heard = this.#heard?.read() ?? []
    return heard.filter(({ family, address }) => {
      const now = this.#gateways.filter(gateway => gateway.family === family)
      return now.length === 0 || now.some(gateway => gateway.address === address)
    })
  }

  #lostRoute(): CutOff | undefined {
    const lost = this.#answering?.find(({ family }) => !this.#gateways.some(now => now.family === family))
    return lost && { kind: 'gateway', reason: `the default route of IPv${lost.family} is gone` }
  }

  #silentGateway(isSilent: (address: string) => boolean): CutOff | undefined {
    for (const family of [4, 6]) {
      const known = (this.#answering ?? []).filter(
        one => one.family === family && this.#gateways.some(({ address }) => address === one.address),
      )
      const [first] = known
      if (first !== undefined && known.every(({ address }) => isSilent(address))) {
        return { kind: 'gateway', reason: `the default gateway ${first.address} does not answer any more` }
      }
    }
    return undefined
  }
}

/** Where no echo was even sent, what stands in its way may be a tool of ours and not the uplink: it is named. */
function reasonOf(verdicts: readonly Verdict[]): string {
  const [first] = verdicts
  if (first?.kind !== 'unknown' || verdicts.some(({ kind }) => kind === 'silent')) {
    return 'no address of monitor.anchors answers'
  }
  return `nothing is known of the addresses of monitor.anchors: ${first.reason}`
}
