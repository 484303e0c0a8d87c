import { isIP, isIPv6 } from 'node:net'
import type { PingConfig } from 'ping'
import builders from 'ping/lib/builder/factory.js'
import parsers from 'ping/lib/parser/factory.js'
import { ChildFault, type ChildOutcome, runChild } from '../shared/child.ts'
import { isOwnAddress } from './own-address.ts'
import { type ProbeOptions, type Prober, SILENT, unknown, type Verdict, type Verdicts } from './prober.ts'

/** Children at the same time: each waits more than it works. */
const CONCURRENCY = 64
/** How much longer than it should one ping may take before it counts as hung. */
const SLACK_MS = 1000
const NO_REPLY_STATUS = 1
/** It could send, and says how many: a request that was refused is in stderr instead. */
const SENT = /^1 packets transmitted, 0 received/m
const UNSENT = /^\S*ping6?: (?:connect|sendto|sendmsg|bind): .*$/m
/** An error that came back, from the address that is named: our own kernel's is no silence of the target. */
const RETURNED = /^From (\S+:\S*) icmp_seq=\d+ Destination unreachable/m

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

  async probe(targets: readonly string[], options: ProbeOptions): Promise<Verdicts> {
    const addresses = [...new Set(targets)].filter(target => isIP(target) !== 0)
    return this.#probeAll(addresses, options)
  }

  /** Bounded concurrency: each lane takes the next address when its last one is done. */
  async #probeAll(addresses: readonly string[], options: ProbeOptions): Promise<Verdicts> {
    const verdicts = new Map<string, Verdict>()
    const queue = addresses.values()
    const lane = async () => {
      for (const address of queue) {
        verdicts.set(address, options.signal?.aborted ? STOPPED : await this.#probeOne(address, options))
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, addresses.length) }, lane))
    return verdicts
  }

  async #probeOne(address: string, options: ProbeOptions): Promise<Verdict> {
    const config = freshConfig(address, options)
    const command = this.#command ?? builders.getExecutablePath(process.platform, isIPv6(address))
    const args = builders.createBuilder(process.platform).getCommandArguments(address, config)
    try {
      const outcome = await runChild(command, args, {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        deadlineMs: options.timeoutMs + SLACK_MS,
        maxOutputBytes: 64 * 1024,
      })
      return pingVerdict(outcome, address, config)
    } catch (error) {
      if (!(error instanceof ChildFault)) throw error
      return unknown(error.message)
    }
  }
}

const STOPPED = unknown('ping was stopped')

/** A new one each time: the package writes its defaults into what it is given. */
function freshConfig(address: string, { timeoutMs, dataOctets }: ProbeOptions): PingConfig {
  const extra = dataOctets === undefined ? [] : ['-s', String(dataOctets)]
  return { numeric: true, timeout: timeoutMs / 1000, min_reply: 1, v6: isIPv6(address), extra }
}

/** What a run of ping says of its one target; `config` is what the run was made with. */
export function pingVerdict(outcome: ChildOutcome, address: string, config: PingConfig): Verdict {
  if (outcome.end === 'abort') return STOPPED
  if (outcome.end !== 'exit') return unknown('ping did not end in time')
  const rttMs = outcome.code === 0 ? roundTrip(outcome.stdout, address, config) : undefined
  if (rttMs !== undefined) return { kind: 'answered', rttMs }
  const [unsent] = UNSENT.exec(outcome.stderr) ?? []
  if (unsent !== undefined) return unknown(`not sent: ${unsent.slice(0, 100)}`)
  const [, returnedBy] = RETURNED.exec(outcome.stdout) ?? []
  if (returnedBy !== undefined && isOwnAddress(returnedBy)) {
    return unknown('our own system returned the request as unreachable')
  }
  if (outcome.code === NO_REPLY_STATUS && SENT.test(outcome.stdout)) return SILENT
  const line = (outcome.stderr || outcome.stdout).split('\n', 1)[0]?.slice(0, 200) ?? ''
  return unknown(`ping ended with status ${outcome.code ?? 'none'}: ${line}`)
}

/** Milliseconds; undefined if the package's parser sees no reply. */
function roundTrip(stdout: string, address: string, config: PingConfig): number | undefined {
  try {
    const parser = parsers.createParser(address, process.platform, config)
    for (const line of stdout.split('\n')) parser.eat(line)
    const { alive, time } = parser.getResult()
    const rttMs = Number(time)
    return alive ? (Number.isFinite(rttMs) ? rttMs : 0) : undefined
  } catch {
    return undefined // the parser can't read it: no reply is there to be seen
  }
}
