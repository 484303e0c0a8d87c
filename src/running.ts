import type { Config } from './config/config.ts'
import type { DnsServing } from './dns-serving.ts'
import type { Coming, Memory } from './handover/messages.ts'
import type { Control, ControlHandler } from './operator/control.ts'
import { documentOf } from './operator/problem-document.ts'
import type { Portal } from './portal/portal.ts'
import type { Log } from './shared/log.ts'
import { problem } from './shared/problem.ts'
import type { Stops } from './stops.ts'
import type { ReloadReport } from './zone-file-book.ts'

/** When an operator may try again while another process takes over. */
const RETRY_SECONDS = 2
/** How long the commands under way are waited for. */
const PATIENCE_MS = 5000
const POLL_MS = 20

/** Lets commands through, until another process is to take them. */
export class CommandGate {
  readonly handler: ControlHandler
  #underWay = 0
  #isClosed = false

  /** `restart`, which is under way itself while the gate closes, passes it. */
  constructor(handler: ControlHandler) {
    this.handler = async (command, parameters) => {
      if (this.#isClosed) return { problem: documentOf([problem('restarting', { seconds: RETRY_SECONDS })]) }
      if (command === 'restart') return handler(command, parameters)
      this.#underWay++
      try {
        return await handler(command, parameters)
      } finally {
        this.#underWay--
      }
    }
  }

  /** Resolves when no command is under way any more. Rejects if one takes long, and is open then as before. */
  async close(): Promise<void> {
    this.#isClosed = true
    const end = performance.now() + PATIENCE_MS
    while (this.#underWay > 0) {
      if (performance.now() > end) {
        this.#isClosed = false
        throw new Error('a command, such as a backup, is under way: try again when it is done')
      }
      await new Promise(resolve => setTimeout(resolve, POLL_MS))
    }
  }
}

export interface Rereading {
  run(): Promise<ReloadReport>
  /** The configuration as it was read at the start, with what reloads have changed. */
  inForce(): Config
}

/** All that `serve` has started, and how it ends: at once, or step by step while another takes over. */
export class Running {
  readonly readyLine: string
  readonly reload: Rereading
  readonly #parts: RunningParts

  constructor(parts: RunningParts) {
    this.readyLine = parts.readyLine
    this.reload = parts.reload
    this.#parts = parts
  }

  /** Throws if a successor would not serve what this process does. */
  assertNothingLost(coming: Coming | undefined): void {
    const loss = coming && this.#parts.lossBy(coming)
    if (loss !== undefined) throw new Error(loss)
  }

  /**
   * Ends what writes, with all that is under way, and closes the table; DNS is answered from memory. Rejects if a
   * command takes too long: nothing has ended then.
   */
  async release(): Promise<Memory> {
    const { gate, portal, dns, stops, onReleased, hasTable, log } = this.#parts
    await gate.close()
    onReleased()
    const web = await portal.retire()
    await stops.endWriters(log)
    const cookies = dns.cookieSecrets.map(secret => Buffer.from(secret).toString('base64'))
    return { cookies, web, hasTable }
  }

  /** Answers no UDP, and leaves the control socket's place to another process. */
  async silence(): Promise<void> {
    this.#parts.control?.retire()
    await this.#parts.dns.silence()
  }

  /** Answers UDP again, from memory. */
  speak(): Promise<void> {
    return this.#parts.dns.speak()
  }

  /** Visitors who come again reach the process that has taken over. */
  dismissVisitors(): void {
    this.#parts.portal.closeIdle()
  }

  /** Answers those who are connected, for `milliseconds` at most, then ends. */
  async leave(milliseconds: number): Promise<void> {
    await this.#parts.dns.drain(milliseconds)
    await this.#parts.stops.end(this.#parts.log)
  }

  /** Ends, and leaves nothing running for another process. */
  async stop(): Promise<void> {
    const { stops, onAbandoned, log } = this.#parts
    await stops.end(log)
    onAbandoned()
  }
}

interface RunningParts {
  readonly readyLine: string
  readonly reload: Rereading
  readonly dns: DnsServing
  readonly portal: Portal
  readonly control: Control | undefined
  readonly gate: CommandGate
  readonly stops: Stops
  /** Called before what writes ends, so that what runs for tunnels below this process goes on. */
  readonly onReleased: () => void
  /** Called when nobody takes over: what was left running for tunnels is to end. */
  readonly onAbandoned: () => void
  /** A sentence on what would be lost by a successor that serves this; undefined: nothing. */
  readonly lossBy: (coming: Coming) => string | undefined
  /** Whether it has the tunnels in memory. */
  readonly hasTable: boolean
  readonly log: Log
}
