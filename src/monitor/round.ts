import { type Prober, unknown, type Verdict, type Verdicts, verdictOf } from '../echo/prober.ts'
import type { Log } from '../shared/log.ts'
import type { MonitoredTunnels, ProbeTarget } from './monitored-tunnels.ts'
import { Crowd, type CutOff, OwnOutage } from './own-outage.ts'
import { failedRound, NOTHING, type RoundReport } from './round-report.ts'
import type { Uplink } from './uplink.ts'

export interface RoundOptions {
  readonly lifecycle: MonitoredTunnels
  readonly prober: Prober
  readonly uplink: Uplink
  readonly timeoutMs: number
  readonly log: Log
  /** Counts what was found wrong at our own ends: if it grew during a round, silence may be our doing. */
  readonly mendings: () => number
  readonly signal: AbortSignal
  /** Is told what was counted: round trips by id, 0 if nothing was timed, and the silent ones. */
  readonly onCounted?: (round: {
    readonly answered: ReadonlyMap<string, number>
    readonly silent: readonly string[]
  }) => void
}

/** Answers of the first try that are asked again with the silent ones, to see whether we are cut off by now. */
const WITNESSES = 16

/** The tunnels of a round by what is known of each. */
interface Findings {
  readonly answered: ReadonlySet<string>
  readonly silent: readonly string[]
  readonly unknown: readonly string[]
}

/** What the echoes of a round have brought. */
interface Echoes {
  readonly verdicts: Verdicts
  /** Of the latest try. */
  readonly last: Verdicts
  /** Those whose echoes came back in the first try and were asked for in the latest as well; none if an anchor answered there. */
  readonly witnesses: readonly string[]
  /** When the latest began, by performance.now(). */
  readonly start: number
}

/**
 * The draft's steps 1–4, from a scan to the counts:
 *
 *     scan ─▶ echo, traffic ─▶ doubt? ─▶ echo again ─▶ our own outage? ─▶ our own ends sound? ─▶ count
 */
export class Rounds {
  readonly #options: RoundOptions
  readonly #crowd = new Crowd()
  readonly #outage: OwnOutage
  /** Nobody's traffic has been looked at yet. */
  #isFirst = true

  constructor(options: RoundOptions) {
    this.#options = options
    this.#outage = new OwnOutage(options.log)
  }

  /** The outage of our own that lasts, as far as the last round knew. */
  get outage(): { readonly reason: string; readonly since: Date } | undefined {
    return this.#outage.current
  }

  /** Never rejects. */
  async run(): Promise<RoundReport> {
    let targets = 0
    try {
      // Draft, step 1: scan the database for existing tunnels.
      const tunnels = await this.#options.lifecycle.probeTargets()
      targets = tunnels.length
      return { targets, ...(await this.#probeAll(tunnels)) }
    } catch (error) {
      return { ...failedRound(error, this.#options.log), targets }
    }
  }

  async #probeAll(tunnels: readonly ProbeTarget[]): Promise<Omit<RoundReport, 'targets'>> {
    const mendings = this.#options.mendings()
    const start = performance.now()
    const uplink = await this.#options.uplink.targets()
    // Draft, step 2: reachability tests (ICMPv6 echo/reply), all in one batch.
    const replies = await this.#probe([...tunnels.map(({ ipv6Client }) => ipv6Client), ...uplink])
    const first = await this.#withTraffic(tunnels, replies)
    const doubted = this.#doubted(tunnels, first, mendings)
    const echoes =
      doubted.length > 0
        ? await this.#probeAgain(tunnels, first, { doubted, uplink })
        : { verdicts: first, last: first, witnesses: [], start }
    if (this.#options.signal.aborted) return { ...NOTHING, outcome: 'stopped' } // those not asked yet are not silent
    const findings = findingsOf(tunnels, echoes.verdicts)
    const compared = comparable(tunnels, echoes.verdicts)
    const isAllUnknown = compared.length > 0 && findings.unknown.length === tunnels.length
    const cutOff = this.#cutOff(isAllUnknown ? [] : compared, findings.answered, echoes)
    if (cutOff !== undefined && this.#outage.isBelieved(cutOff)) return this.#sitOut(tunnels, findings)
    if (isAllUnknown) {
      await this.#options.lifecycle.check(findings.unknown, echoes.start)
      throw new Error(unknownReason(echoes.verdicts))
    }
    const isEndOfOutage = cutOff === undefined && this.#outage.current !== undefined
    this.#outage.over()
    this.#options.uplink.learn(echoes.last)
    return this.#count(tunnels, isEndOfOutage ? withoutSilence(findings) : findings, {
      times: roundTrips(tunnels, echoes.verdicts),
      since: echoes.start,
    })
  }

  /** What a tunnel sends is as good as an echo's reply: some filter echoes. */
  async #withTraffic(tunnels: readonly ProbeTarget[], replies: Verdicts): Promise<Verdicts> {
    const { silent } = findingsOf(tunnels, replies)
    if (silent.length === 0) return replies
    const { heard, unknown: uncounted, uncompared } = await this.#options.lifecycle.heardSince(silent)
    const verdicts = new Map(replies)
    for (const { id, ipv6Client, answeredLast } of tunnels) {
      if (heard.has(id)) verdicts.set(ipv6Client, HEARD)
      else if (uncounted.has(id)) verdicts.set(ipv6Client, UNCOUNTED)
      else if (this.#isFirst && answeredLast === true && uncompared.has(id))
        verdicts.set(ipv6Client, UNCOMPARED)
    }
    this.#isFirst = false
    return verdicts
  }

  async #probe(addresses: readonly string[]): Promise<Verdicts> {
    const { prober, timeoutMs, signal } = this.#options
    return signal.aborted ? new Map() : prober.probe(addresses, { timeoutMs, signal })
  }

  /** The silent ones, if anything speaks for its being our own fault; those that have fallen silent together, else. */
  #doubted(tunnels: readonly ProbeTarget[], verdicts: Verdicts, mendings: number): readonly ProbeTarget[] {
    const { answered, silent } = findingsOf(tunnels, verdicts)
    if (silent.length === 0) return []
    const compared = comparable(tunnels, verdicts)
    const isOurs =
      this.#crowd.isSilent(compared, answered) ||
      this.#options.uplink.judge(verdicts) !== undefined ||
      this.#options.mendings() !== mendings
    const fallen = this.#crowd.thinnedBy(compared, answered)
    return tunnels.filter(({ id, ipv6Client }) =>
      isOurs ? verdictOf(verdicts, ipv6Client).kind !== 'answered' : fallen.has(id),
    )
  }

  /** Asks those in doubt again, with the uplink and some that answered. An answer at either time is one. */
  async #probeAgain(
    tunnels: readonly ProbeTarget[],
    first: Verdicts,
    { doubted, uplink }: { readonly doubted: readonly ProbeTarget[]; readonly uplink: readonly string[] },
  ): Promise<Echoes> {
    const mendings = this.#options.mendings()
    const start = performance.now()
    const witnesses = tunnels
      .map(({ ipv6Client }) => ipv6Client)
      .filter(hasEchoed(first))
      .slice(0, WITNESSES)
    const silent = doubted.map(({ ipv6Client }) => ipv6Client)
    const last = await this.#probe([...silent, ...witnesses, ...uplink])
    const isMended = this.#options.mendings() !== mendings
    const verdicts = new Map(first)
    for (const address of silent) {
      const verdict = verdictOf(last, address)
      if (verdict.kind !== 'silent') verdicts.set(address, verdict)
      else if (!BY_TRAFFIC.has(verdictOf(first, address)))
        verdicts.set(address, isMended ? WHILE_MENDED : verdict)
    }
    return { verdicts, last, witnesses: this.#options.uplink.isThrough(last) ? [] : witnesses, start }
  }

  /** A tunnel that answered in the latest look at the uplink came through. No crowd, no evidence of one. */
  #cutOff(
    crowd: readonly ProbeTarget[],
    answered: ReadonlySet<string>,
    { last, witnesses }: Echoes,
  ): CutOff | undefined {
    const cutOff = this.#options.uplink.judge(last)
    const isThrough = crowd.some(({ ipv6Client }) => last.get(ipv6Client)?.kind === 'answered')
    if (cutOff !== undefined && (cutOff.kind === 'anchors' || !isThrough)) return cutOff
    if (this.#crowd.isSilent(crowd, answered)) return MOST_ARE_SILENT
    const isCut = witnesses.length > 0 && witnesses.every(one => verdictOf(last, one).kind === 'silent')
    return isCut ? WITNESSES_ARE_SILENT : undefined
  }

  /** An answer is a fact whatever becomes of us; silence is none. */
  async #sitOut(
    tunnels: readonly ProbeTarget[],
    { answered, silent, unknown }: Findings,
  ): Promise<Omit<RoundReport, 'targets'>> {
    this.#crowd.uncounted(tunnels, answered)
    if (answered.size > 0) await this.#options.lifecycle.recordRound({ answered: [...answered], silent: [] })
    return {
      outcome: 'own-outage',
      answered: answered.size,
      silent: 0,
      unknown: silent.length + unknown.length,
      removed: 0,
    }
  }

  /** Draft, steps 3 and 4: count those silent `since` the last echoes went out, take down those over the threshold. */
  async #count(
    tunnels: readonly ProbeTarget[],
    { answered, silent, unknown }: Findings,
    { times, since }: { readonly times: ReadonlyMap<string, number>; readonly since: number },
  ): Promise<Omit<RoundReport, 'targets'>> {
    const { lifecycle, log } = this.#options
    // Who can't be asked has no way through the kernel perhaps, and that is for us to mend.
    const doubtful = [...silent, ...unknown]
    const sound = doubtful.length === 0 ? new Set<string>() : await lifecycle.check(doubtful, since)
    const counted = silent.filter(id => sound.has(id))
    const mended = silent.length - counted.length
    if (mended > 0)
      log.warn({ tunnels: mended }, 'silent tunnels were not counted: our own end was not sound')
    this.#crowd.counted(tunnels, answered, [...unknown, ...silent.filter(id => !sound.has(id))])
    const { removed } = await lifecycle.recordRound({ answered: [...answered], silent: counted })
    this.#options.onCounted?.({ answered: times, silent: counted })
    return {
      outcome: 'recorded',
      answered: answered.size,
      silent: counted.length,
      unknown: unknown.length + mended,
      removed,
    }
  }
}

/** Somebody who filters echoes and has sent something says nothing by his silence. */
function hasEchoed(verdicts: Verdicts): (address: string) => boolean {
  return address => {
    const verdict = verdictOf(verdicts, address)
    return verdict.kind === 'answered' && verdict !== HEARD
  }
}

const WITNESSES_ARE_SILENT: CutOff = {
  kind: 'crowd',
  reason: 'tunnels that answered a moment before are silent now',
}
const MOST_ARE_SILENT: CutOff = {
  kind: 'crowd',
  reason: 'most tunnels that answered before are silent together',
}
/** No echo was timed. */
const HEARD: Verdict = { kind: 'answered', rttMs: 0 }
const UNCOUNTED = unknown('its traffic could not be counted')
/** After a start: its client may filter echoes and be there all the same. */
const UNCOMPARED = unknown('its traffic is counted for the first time')
/** These stand where no echo comes back, however often one is asked for. */
const BY_TRAFFIC: ReadonlySet<Verdict> = new Set([UNCOUNTED, UNCOMPARED])
const WHILE_MENDED: Verdict = { kind: 'unknown', reason: 'our own end was mended meanwhile' }

/** Without those that a crowd can't be compared by: whether they have fallen silent is known from the next round on. */
function comparable(tunnels: readonly ProbeTarget[], verdicts: Verdicts): readonly ProbeTarget[] {
  return tunnels.filter(({ ipv6Client }) => verdicts.get(ipv6Client) !== UNCOMPARED)
}

function findingsOf(tunnels: readonly ProbeTarget[], verdicts: Verdicts): Findings {
  const findings = { answered: new Set<string>(), silent: [] as string[], unknown: [] as string[] }
  for (const { id, ipv6Client } of tunnels) {
    const { kind } = verdictOf(verdicts, ipv6Client)
    if (kind === 'answered') findings.answered.add(id)
    else findings[kind].push(id)
  }
  return findings
}

/** An outage ends while echoes are under way: who is silent then may not have been asked. */
function withoutSilence({ answered, silent, unknown }: Findings): Findings {
  return { answered, silent: [], unknown: [...unknown, ...silent] }
}

/** Milliseconds by the id of each tunnel that answered. */
function roundTrips(tunnels: readonly ProbeTarget[], verdicts: Verdicts): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const { id, ipv6Client } of tunnels) {
    const verdict = verdictOf(verdicts, ipv6Client)
    if (verdict.kind === 'answered') times.set(id, verdict.rttMs)
  }
  return times
}

function unknownReason(verdicts: Verdicts): string {
  for (const verdict of verdicts.values())
    if (verdict.kind === 'unknown' && verdict !== UNCOMPARED) return verdict.reason
  return 'the prober said nothing'
}
