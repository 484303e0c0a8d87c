import { isIP } from 'node:net'
import { ChildFault, type ChildOutcome, runChild } from '../shared/child.ts'
import { isOwnAddress } from './own-address.ts'
import { type ProbeOptions, type Prober, SILENT, unknown, type Verdict, type Verdicts } from './prober.ts'

/** All requests of a round leave within this time, so that a large round does not outlast the interval. */
const SEND_TIME_MS = 5000
/** No faster than the interfaces' queues take it, and not all at once for a few targets. */
const LONGEST_PAUSE_MS = 1
const SHORTEST_PAUSE_MS = 0.05
/** fping counts its pause in hundredths of a millisecond, and takes a little over it for each target. */
const PAUSE_DIGITS = 2
const OVERHEAD_MS_A_TARGET = 0.2
/** How much longer than it should fping may take before it counts as hung. */
const SLACK_MS = 5000
/** One fping has 65,535 sequence numbers for each ten seconds, and gives up if they are used up. */
const MOST_TARGETS_A_CHILD = 60_000
const REPORT = /^(\S+) is (?:(alive) \((\d+(?:\.\d+)?) ms\)|(unreachable))/
const UNSENT = /^(\S+): error while sending ping: (.*)$/
const RETURNED = /^ICMP \S.* from (\S+) for ICMP Echo sent to (\S+)/
/** fping(8): 0 all reachable, 1 some not, 2 some not found; above that it gave up. */
const WORST_USABLE_STATUS = 2

/** One fping child for the whole batch, IPv4 and IPv6 mixed, targets on its standard input. */
export class FpingProber implements Prober {
  readonly kind = 'fping'
  readonly #command: string

  constructor(options: { readonly command?: string } = {}) {
    this.#command = options.command ?? 'fping'
  }

  async probe(targets: readonly string[], options: ProbeOptions): Promise<Verdicts> {
    // Only addresses reach the tool: a name would be looked up, and take its time.
    const addresses = [...new Set(targets)].filter(target => isIP(target) !== 0)
    const pauseMs = pauseFor(addresses.length)
    const verdicts = new Map<string, Verdict>()
    for (let from = 0; from < addresses.length; from += MOST_TARGETS_A_CHILD) {
      const slice = addresses.slice(from, from + MOST_TARGETS_A_CHILD)
      for (const [address, verdict] of await this.#probeSlice(slice, pauseMs, options))
        verdicts.set(address, verdict)
    }
    return verdicts
  }

  async #probeSlice(addresses: readonly string[], pauseMs: number, options: ProbeOptions): Promise<Verdicts> {
    try {
      const outcome = await runChild(
        this.#command,
        [
          ...['-e', '-r', '0', '-t', String(Math.ceil(options.timeoutMs))],
          ...['-i', pauseMs.toFixed(PAUSE_DIGITS), ...sizeArguments(options)],
        ],
        {
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          input: `${addresses.join('\n')}\n`,
          deadlineMs: options.timeoutMs + (pauseMs + OVERHEAD_MS_A_TARGET) * addresses.length + SLACK_MS,
          maxOutputBytes: 64 * 1024 + addresses.length * 512,
        },
      )
      return fpingVerdicts(outcome, addresses)
    } catch (error) {
      if (!(error instanceof ChildFault)) throw error
      const verdict = unknown(error.message)
      return new Map(addresses.map(address => [address, verdict]))
    }
  }
}

function sizeArguments({ dataOctets }: ProbeOptions): readonly string[] {
  return dataOctets === undefined ? [] : ['-b', String(dataOctets)]
}

/** Milliseconds between two requests, rounded up as fping does it: the deadline must not be shorter. */
function pauseFor(targets: number): number {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, SEND_TIME_MS / targets))
  return Math.ceil(pauseMs * 10 ** PAUSE_DIGITS) / 10 ** PAUSE_DIGITS
}

/** What a run of fping says of each address that it was given. */
export function fpingVerdicts(outcome: ChildOutcome, addresses: readonly string[]): Verdicts {
  const reports = reportsIn(outcome.stdout)
  const unsent = unsentIn(outcome.stderr)
  const leftOut = unknown(`fping ${troubleOf(outcome) ?? `did not name it: ${firstLine(outcome)}`}`)
  return new Map(
    addresses.map(address => {
      const report = reports.get(address)
      if (report?.kind === 'silent') return [address, unsent.get(address) ?? report]
      return [address, report ?? leftOut]
    }),
  )
}

function reportsIn(stdout: string): Verdicts {
  const reports = new Map<string, Verdict>()
  for (const line of stdout.split('\n')) {
    const [, address, alive, rtt, unreachable] = REPORT.exec(line) ?? []
    if (address === undefined) continue
    if (alive !== undefined) reports.set(address, { kind: 'answered', rttMs: Number(rtt) })
    else if (unreachable !== undefined) reports.set(address, SILENT)
  }
  return reports
}

/** Those whose request our own system refused, or took and gave back: no silence of theirs. */
function unsentIn(stderr: string): Verdicts {
  const unsent = new Map<string, Verdict>()
  const own = new Map<string, boolean>()
  for (const line of stderr.split('\n')) {
    const [, address, reason] = UNSENT.exec(line) ?? []
    if (address !== undefined) unsent.set(address, unknown(`not sent: ${reason?.slice(0, 100)}`))
    const [, by, target] = RETURNED.exec(line) ?? []
    if (target === undefined || !by?.includes(':')) continue
    if (!own.has(by)) own.set(by, isOwnAddress(by)) // a listing of all interfaces: once for each address
    if (own.get(by) === true) unsent.set(target, RETURNED_BY_US)
  }
  return unsent
}

/** Over IPv6 our own kernel says so for a tunnel whose outer packet has no way; over IPv4 for a neighbour that is not there. */
const RETURNED_BY_US = unknown('our own system returned the request as unreachable')

/** Why what a run left out is not to be wondered at. */
function troubleOf(outcome: ChildOutcome): string | undefined {
  if (outcome.end === 'deadline') return 'did not end in time'
  if (outcome.end === 'abort') return 'was stopped'
  if (outcome.end === 'overflow') return 'wrote far more than a line for each target'
  if (outcome.code === null) return 'was killed'
  if (outcome.code > WORST_USABLE_STATUS) return `ended with status ${outcome.code}: ${firstLine(outcome)}`
  return undefined
}

function firstLine(outcome: ChildOutcome): string {
  return (outcome.stderr || outcome.stdout).split('\n', 1)[0]?.slice(0, 200) ?? ''
}
