import { isIP, isIPv6 } from 'node:net'
import type { PingConfig } from 'ping'
import builders from 'ping/lib/builder/factory.js'
import parsers from 'ping/lib/parser/factory.js'
import { ChildFault, type ChildOutcome, runChild } from '../shared/child.ts'
import { type ProbeOptions, type Prober, ProberFault } from './prober.ts'

/** Children at the same time: each waits more than it works. */
const CONCURRENCY = 64
/** How much longer than it should one ping may take before it counts as hung. */
const SLACK_MS = 1000
const NO_REPLY_STATUS = 1
/** What ping says before it ends with status 2 where there is no way to the target. */
const UNSENDABLE = /^\S*ping6?: (?:connect|sendto|sendmsg|bind):/m

type Finding = 'answered' | 'silent' | { readonly trouble: string }

/**
 * One ping child for each target, with the arguments and the parser of the `ping` package for this platform. Its own
 * `probe` is not called: that parses in an event handler, where a tool that prints one word throws and ends the whole
 * process, and it can neither be stopped nor given a deadline. Here the parser runs where a throw is caught.
 */
export class PingProber implements Prober {
  readonly kind = 'ping'
  readonly #command: string | undefined

  constructor(options: { readonly command?: string } = {}) {
    this.#command = options.command
  }

  async probe(targets: readonly string[], options: ProbeOptions): Promise<ReadonlySet<string>> {
    const addresses = [...new Set(targets)].filter(target => isIP(target) !== 0)
    const findings = await this.#probeAll(addresses, options)
    const answered = addresses.filter(address => findings.get(address) === 'answered')
    if (options.signal?.aborted) return new Set(answered)
    const troubles = [...findings.values()].flatMap(finding => (typeof finding === 'object' ? [finding] : []))
    const [first] = troubles
    if (first !== undefined && troubles.length === findings.size) {
      throw new ProberFault('prober-broken', `ping ${first.trouble}`)
    }
    return new Set(answered)
  }

  /** Bounded concurrency: each lane takes the next address when its last one is done. The first fault ends all lanes. */
  async #probeAll(
    addresses: readonly string[],
    options: ProbeOptions,
  ): Promise<ReadonlyMap<string, Finding>> {
    const findings = new Map<string, Finding>()
    const queue = addresses.values()
    const faults: unknown[] = []
    const lane = async () => {
      for (const address of queue) {
        if (options.signal?.aborted || faults.length > 0) return
        const finding = await this.#probeOne(address, options).catch(error => {
          faults.push(error)
        })
        if (finding !== undefined) findings.set(address, finding)
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, addresses.length) }, lane))
    if (faults.length > 0) throw faults[0]
    return findings
  }

  async #probeOne(address: string, options: ProbeOptions): Promise<Finding> {
    const config = freshConfig(address, options.timeoutMs)
    const command = this.#command ?? builders.getExecutablePath(process.platform, isIPv6(address))
    const args = builders.createBuilder(process.platform).getCommandArguments(address, config)
    try {
      const outcome = await runChild(command, args, {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        deadlineMs: options.timeoutMs + SLACK_MS,
        maxOutputBytes: 64 * 1024,
      })
      return pingFinding(outcome, address, config)
    } catch (error) {
      if (!(error instanceof ChildFault)) throw error
      throw new ProberFault('prober-unstartable', error.message, { cause: error })
    }
  }
}

/** A new one each time: the package writes its defaults into what it is given. */
function freshConfig(address: string, timeoutMs: number): PingConfig {
  return { numeric: true, timeout: timeoutMs / 1000, min_reply: 1, v6: isIPv6(address), extra: [] }
}

/** What a run of ping says of its one target; `config` is what the run was made with. */
export function pingFinding(outcome: ChildOutcome, address: string, config: PingConfig): Finding {
  if (outcome.end !== 'exit') return { trouble: 'did not end in time' }
  if (outcome.code === 0 && isAlive(outcome.stdout, address, config)) return 'answered'
  if (outcome.code === NO_REPLY_STATUS && outcome.stdout.startsWith('PING ')) return 'silent'
  if (UNSENDABLE.test(outcome.stderr)) return 'silent'
  const line = (outcome.stderr || outcome.stdout).split('\n', 1)[0]?.slice(0, 200) ?? ''
  return { trouble: `ended with status ${outcome.code ?? 'none'}: ${line}` }
}

function isAlive(stdout: string, address: string, config: PingConfig): boolean {
  try {
    const parser = parsers.createParser(address, process.platform, config)
    for (const line of stdout.split('\n')) parser.eat(line)
    return parser.getResult().alive
  } catch {
    return false // the parser can't read it: no reply is there to be seen
  }
}
