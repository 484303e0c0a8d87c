import { isIP } from 'node:net'
import { ChildFault, type ChildOutcome, runChild } from '../shared/child.ts'
import { type ProbeOptions, type Prober, ProberFault } from './prober.ts'

/** All requests of a round leave within this time, so that a large round does not outlast the interval. */
const SEND_TIME_MS = 5000
/** No faster than the interfaces' queues take it, and not all at once for a few targets. */
const LONGEST_PAUSE_MS = 1
const SHORTEST_PAUSE_MS = 0.05
/** How much longer than it should fping may take before it counts as hung. */
const SLACK_MS = 5000
const REPORT = /^(\S+) is (alive|unreachable)\b/
/** fping(8): 0 all reachable, 1 some not, 2 some not found; above that it gave up. */
const WORST_USABLE_STATUS = 2

/** One fping child for the whole batch, IPv4 and IPv6 mixed, targets on its standard input. */
export class FpingProber implements Prober {
  readonly kind = 'fping'
  readonly #command: string

  constructor(options: { readonly command?: string } = {}) {
    this.#command = options.command ?? 'fping'
  }

  async probe(targets: readonly string[], options: ProbeOptions): Promise<ReadonlySet<string>> {
    // Only addresses reach the tool: a name would be looked up, and take its time.
    const addresses = [...new Set(targets)].filter(target => isIP(target) !== 0)
    if (addresses.length === 0 || options.signal?.aborted) return new Set()
    const outcome = await this.#run(addresses, options)
    const { alive, trouble } = fpingFindings(outcome, addresses)
    if (outcome.end === 'abort' || trouble === undefined) return alive
    throw new ProberFault('prober-broken', `fping ${trouble}`)
  }

  async #run(addresses: readonly string[], options: ProbeOptions): Promise<ChildOutcome> {
    const pause = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, SEND_TIME_MS / addresses.length))
    try {
      return await runChild(
        this.#command,
        ['-r', '0', '-t', String(Math.ceil(options.timeoutMs)), '-i', pause.toFixed(2)],
        {
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          input: `${addresses.join('\n')}\n`,
          deadlineMs: options.timeoutMs + pause * addresses.length + SLACK_MS,
          maxOutputBytes: 64 * 1024 + addresses.length * 512,
        },
      )
    } catch (error) {
      if (!(error instanceof ChildFault)) throw error
      throw new ProberFault('prober-unstartable', error.message, { cause: error })
    }
  }
}

/** Which of the addresses answered, and why that is not to be believed; undefined where it is. */
export function fpingFindings(
  outcome: ChildOutcome,
  addresses: readonly string[],
): { readonly alive: ReadonlySet<string>; readonly trouble: string | undefined } {
  const reports = reportsIn(outcome.stdout)
  const known = addresses.filter(address => reports.has(address))
  const alive = new Set(known.filter(address => reports.get(address) === 'alive'))
  const counts = { known: known.length, alive: alive.size, asked: addresses.length }
  return { alive, trouble: troubleOf(outcome, counts) }
}

function reportsIn(stdout: string): ReadonlyMap<string, string> {
  const reports = new Map<string, string>()
  for (const line of stdout.split('\n')) {
    const [, address, state] = REPORT.exec(line) ?? []
    if (address !== undefined && state !== undefined) reports.set(address, state)
  }
  return reports
}

/** Why a run says nothing about the targets; undefined where it can be believed. */
function troubleOf(
  outcome: ChildOutcome,
  counts: { readonly asked: number; readonly known: number; readonly alive: number },
): string | undefined {
  if (outcome.end === 'deadline') return 'did not end in time'
  if (outcome.end === 'overflow') return 'wrote far more than a line for each target'
  if (outcome.code === null) return 'was killed'
  if (outcome.code > WORST_USABLE_STATUS) return `ended with status ${outcome.code}: ${firstLine(outcome)}`
  if (outcome.code === 0 && counts.alive < counts.asked) return 'claims that all answered and does not say so'
  if (counts.known === 0) return `named no target: ${firstLine(outcome)}`
  return undefined
}

function firstLine(outcome: ChildOutcome): string {
  return (outcome.stderr || outcome.stdout).split('\n', 1)[0]?.slice(0, 200) ?? ''
}
