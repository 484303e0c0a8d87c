import { readFile } from 'node:fs/promises'
import { ChildFault, runChild } from '../shared/child.ts'
import type { Log } from '../shared/log.ts'
import { BackOff } from './back-off.ts'
import { reasonOf } from './reason.ts'

const FIRST_RESTART_MS = 1000
const LONGEST_RESTART_MS = 60_000
/** A monitor that has run for this long hears all that changes from now on. */
const LISTENS_AFTER_MS = 1500
/** Changes come in crowds: one wake for all that come within this time. */
const DEBOUNCE_MS = 300
const POLL_MS = 3000
const ARGUMENTS = ['-oneline', 'monitor', 'label', 'link', 'address', 'route', 'netconf']
/** A route that is added takes nothing from us, and we add thousands. */
const TELLING = /^\[(?:LINK|ADDR|NETCONF|ROUTE\]Deleted\b)/
/** What `ip monitor` does not show, and what it has to be for packets to get through a tunnel. */
const SYSCTLS: readonly Sysctl[] = [
  { path: '/proc/sys/net/ipv6/conf/all/forwarding', value: '1' },
  { path: '/proc/sys/net/ipv6/conf/all/disable_ipv6', value: '0' },
]

export interface Sysctl {
  readonly path: string
  readonly value: string
}

/**
 * Notices when somebody else changes links, addresses, routes or the settings that tunnels need: by one lasting
 * `ip monitor`, begun again when it ends, and by a look at the settings every three seconds.
 */
export class KernelWatch {
  readonly #command: string
  readonly #sysctls: readonly Sysctl[]
  readonly #log: Log
  readonly #onChange: () => void
  readonly #onTrouble: () => void
  readonly #stopping = new AbortController()
  readonly #backOff = new BackOff({
    firstMs: FIRST_RESTART_MS,
    longestMs: LONGEST_RESTART_MS,
    retry: () => this.#watchAgain(),
  })
  #poll: NodeJS.Timeout | undefined
  #listening: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined
  #watching: Promise<void> | undefined
  #rest = ''
  #hasComplained = false
  #wrong = ''

  constructor(options: {
    readonly log: Log
    /** Something that may be ours was changed, by us or by somebody else. */
    readonly onChange: () => void
    /** A setting is not as tunnels need it; called at each look that finds it so. */
    readonly onTrouble: () => void
    readonly command?: string
    readonly sysctls?: readonly Sysctl[]
  }) {
    this.#log = options.log
    this.#onChange = options.onChange
    this.#onTrouble = options.onTrouble
    this.#command = options.command ?? 'ip'
    this.#sysctls = options.sysctls ?? SYSCTLS
  }

  start(): void {
    this.#watch()
    this.#poll = setInterval(() => void this.#lookAtSysctls(), POLL_MS)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearInterval(this.#poll)
    clearTimeout(this.#soon)
    clearTimeout(this.#listening)
    this.#backOff.stop()
    await this.#watching
  }

  #watch(): void {
    this.#watching = this.#runMonitor()
  }

  /** What changed while no monitor ran, nobody has seen. */
  #watchAgain(): void {
    this.#rest = ''
    this.#listening = setTimeout(() => {
      this.#backOff.succeeded()
      this.#hasComplained = false
      this.#onChange()
    }, LISTENS_AFTER_MS)
    this.#watch()
  }

  async #runMonitor(): Promise<void> {
    const how = await this.#endOfMonitor()
    if (this.#stopping.signal.aborted) return
    clearTimeout(this.#listening)
    this.#backOff.failed()
    this.#onChange() // where no monitor lasts, each end of one is an occasion to look
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#log.warn(
      { reason: how },
      'changes of the kernel by others are not seen at once: ip monitor does not run',
    )
  }

  /** Resolves with how the child ended. */
  async #endOfMonitor(): Promise<string> {
    try {
      const { code, stderr } = await runChild(this.#command, ARGUMENTS, {
        signal: this.#stopping.signal,
        onOutput: text => this.#read(text),
      })
      return stderr.split('\n', 1)[0]?.slice(0, 200) || `it ended with status ${code ?? 'none'}`
    } catch (error) {
      if (!(error instanceof ChildFault)) throw error
      return reasonOf(error)
    }
  }

  #read(text: string): void {
    this.#backOff.succeeded()
    this.#hasComplained = false
    const lines = (this.#rest + text).split('\n')
    this.#rest = (lines.pop() ?? '').slice(0, 1000)
    if (this.#soon === undefined && lines.some(line => TELLING.test(line))) {
      this.#soon = setTimeout(() => {
        this.#soon = undefined
        this.#onChange()
      }, DEBOUNCE_MS)
    }
  }

  async #lookAtSysctls(): Promise<void> {
    const found = await Promise.all(this.#sysctls.map(isOtherwise))
    const wrong = this.#sysctls.filter((_, i) => found[i]).map(({ path }) => path)
    if (wrong.length > 0) this.#onTrouble()
    if (wrong.length > 0 && wrong.join() !== this.#wrong) {
      this.#log.warn({ wrong }, 'a setting of the kernel is not as tunnels need it')
    }
    this.#wrong = wrong.join()
  }
}

/** A setting that can't be read is not known to be wrong. */
async function isOtherwise({ path, value }: Sysctl): Promise<boolean> {
  try {
    return (await readFile(path, 'utf8')).trim() !== value
  } catch {
    return false
  }
}
