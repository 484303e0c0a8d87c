import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from './config/config.ts'
import type { Memory } from './handover/messages.ts'
import { Successor } from './handover/successor.ts'
import { refused } from './lifecycle/refusal.ts'
import type { HeldSockets } from './listen/held-sockets.ts'
import type { ServiceManager } from './listen/service-manager.ts'
import type { Restarted } from './operator/command.ts'
import type { Outcome } from './operator/outcome.ts'
import type { Running } from './running.ts'
import type { Log } from './shared/log.ts'
import { problem } from './shared/problem.ts'

/** How long each step of a successor may take: a large table takes seconds to load, and a slow disk more. */
const PATIENCE_MS = { prepared: 30_000, answering: 240_000, serving: 60_000 }
/** How long both answer, from the same table: the code of a new process is slow until it has been compiled. */
const OVERLAP_MS = 1000
/** How long those who are connected are answered after a successor has taken over. */
const DRAIN_MS = 5000
/** Long enough for the reply to the command that asked. */
const LAST_REPLY_MS = 200
/** How often it is tried to go on, where a table that was closed for a successor can't be opened again. */
const RETRY_MS = 5000
const RETRY_SECONDS = 2
/** Small programs that are the first of a container, and end with what they have started. */
const CONTAINER_INITS = new Set(['tini', 'docker-init', 'dumb-init', 'catatonit', 'podman-init'])

const SERVING = 'serving'

/** Starts everything again in this very process, on the same sockets. */
export type StartAgain = (options: {
  /** With what reloads have changed. */
  readonly config: Config
  readonly brokenZone: 'fail' | 'serve-without'
  readonly released: () => Promise<Memory>
  /** Called when queries are answered by what was started. */
  readonly onAnswering: () => Promise<void>
}) => Promise<Running>

/**
 * A restart without a gap: a successor is started as a child of this process and given its sockets; see
 * handover/messages.ts for the steps. Whatever becomes of the successor, somebody answers queries.
 */
export class Restart {
  /** Resolves when a successor serves and this process has nothing more to do. */
  readonly handedOver: Promise<undefined>
  readonly #sockets: HeldSockets | undefined
  readonly #manager: ServiceManager
  readonly #startAgain: StartAgain
  readonly #log: Log
  readonly #whenHandedOver: (nothing: undefined) => void
  readonly #ending = new AbortController()
  #running: Running | undefined
  /** What this process was before it had to start everything anew, while it answers those who are connected. */
  #former: Running | undefined
  #successor: Successor | undefined
  #attempt: Promise<unknown> | undefined
  /** Tries to open the table again go on. */
  #retrying: Promise<void> | undefined
  #hasHandedOver = false
  /** Whether this process is the service, and no other is about to be. */
  #isAlone = false
  /** Files are to be read again by whoever is the service then. */
  #isRereadDue = false

  constructor(parts: {
    /** Undefined: they can't be passed. */
    readonly sockets: HeldSockets | undefined
    readonly manager: ServiceManager
    readonly startAgain: StartAgain
    readonly log: Log
  }) {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.handedOver = promise
    this.#whenHandedOver = resolve
    this.#sockets = parts.sockets
    this.#manager = parts.manager
    this.#startAgain = parts.startAgain
    this.#log = parts.log
  }

  /** Whether another process is the service. */
  get hasHandedOver(): boolean {
    return this.#hasHandedOver
  }

  /** Whether this process is the service, or has been. */
  get hasBegun(): boolean {
    return this.#running !== undefined
  }

  /** From now on this process is the service, and this is what a successor takes over. */
  begin(running: Running): void {
    this.#running = running
    this.#beAlone()
  }

  /** Gives the sockets their usual room, unless a successor is on its way. */
  settle(): void {
    if (this.#isAlone) this.#sockets?.narrow()
  }

  /** Reads everything again; during a start or a restart as soon as it is over, whoever is the service then. */
  reload(): void {
    this.#isRereadDue = true
    if (this.#hasHandedOver) this.#successor?.signal('SIGHUP')
    else if (this.#isAlone) this.#rereadIfDue()
  }

  /** Everything is read again here and now: a successor that is on its way may have read it before. */
  noteReload(): void {
    if (!this.#isAlone) this.#isRereadDue = true
  }

  /** One at a time. Never rejects: what could not be done is in the outcome, and in the log. */
  async run(): Promise<Outcome<Restarted>> {
    const sockets = this.#sockets
    const running = this.#running
    if (sockets === undefined) return refused(problem('restart-impossible', { case: 'system-calls' }))
    if (isOfContainer()) return refused(problem('restart-impossible', { case: 'container' }))
    if (!this.#isAlone || running === undefined)
      return refused(problem('restarting', { seconds: RETRY_SECONDS }))
    this.#isAlone = false
    this.#manager.tell('reloading', 'restarting')
    const attempt = this.#handOver(running, sockets).catch(error => this.#goneOn(error))
    this.#attempt = attempt
    return attempt
  }

  /**
   * Starts everything anew in this very process, where nothing else is under way: what could not be opened at the start can
   * be now. Names are answered all the time. Rejects if that can't be begun: all goes on as it was.
   */
  async renew(): Promise<void> {
    const sockets = this.#sockets
    const running = this.#running
    if (sockets === undefined) throw new Error('its sockets can not be kept open: restart freenet6')
    if (!this.#isAlone || running === undefined) throw new Error('a restart is under way')
    this.#isAlone = false
    const attempt = this.#renew(running, sockets)
    this.#attempt = attempt.catch(() => undefined) // the end of the process waits for it, whatever becomes of it
    await attempt
  }

  async #renew(running: Running, sockets: HeldSockets): Promise<undefined> {
    try {
      const memory = await running.release()
      await this.#goOn(running, { sockets, memory, isSilent: false })
    } finally {
      if (!this.#isEnding && this.#retrying === undefined) this.#beAlone()
    }
  }

  /**
   * Ends everything here, and a successor that does not serve yet. By a `signal` one that does is ended too: who stops a
   * process that has just handed over means the service.
   */
  async end(signal: NodeJS.Signals | undefined): Promise<void> {
    this.#ending.abort()
    if (this.#hasHandedOver) {
      if (signal !== undefined) this.#successor?.signal(signal)
      await this.#running?.leave(0)
      return
    }
    await this.#successor?.kill()
    await this.#running?.stop()
    await this.#attempt // it may have begun to start everything anew
    await this.#retrying
    await this.#former?.leave(0)
    await this.#running?.stop()
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted
  }

  #goneOn(error: unknown): Outcome<Restarted> {
    const reason = error instanceof Error ? error.message : String(error)
    if (!this.#isEnding) {
      this.#log.error({ reason }, 'the successor does not serve: this process goes on')
      this.#manager.tell('ready', SERVING)
      if (this.#retrying === undefined) this.#beAlone()
    }
    return refused(problem('restart-failed', { reason }))
  }

  #beAlone(): void {
    this.#isAlone = true
    this.#rereadIfDue()
  }

  #rereadIfDue(): void {
    if (!this.#isRereadDue) return
    this.#isRereadDue = false
    void this.#running?.reload.run()
  }

  async #handOver(running: Running, sockets: HeldSockets): Promise<Outcome<Restarted>> {
    const began = performance.now()
    sockets.widen()
    const successor = new Successor(sockets.handed)
    this.#successor = successor
    this.#log.info({ pid: successor.pid }, 'a successor was started')
    let memory: Memory | undefined
    let isSilent = false
    try {
      await successor.reach('prepared', PATIENCE_MS.prepared)
      running.assertNothingLost(successor.coming)
      memory = await running.release()
      successor.tell({ kind: 'released', memory })
      await successor.reach('answering', PATIENCE_MS.answering)
      await sleep(OVERLAP_MS)
      isSilent = true
      await running.silence()
      successor.tell({ kind: 'silent' })
      await successor.reach('serving', PATIENCE_MS.serving)
    } catch (error) {
      await successor.kill()
      this.#successor = undefined
      if (this.#isEnding) throw error
      sockets.narrow()
      if (memory !== undefined) await this.#goOn(running, { sockets, memory, isSilent })
      throw error
    }
    this.#hasHandedOver = true
    this.#manager.handOver(successor.pid, SERVING)
    successor.tell({ kind: 'yours' })
    if (this.#isRereadDue) successor.signal('SIGHUP')
    running.dismissVisitors()
    const { pid } = successor
    successor.leave()
    const milliseconds = Math.round(performance.now() - began)
    this.#log.info({ pid, milliseconds }, 'the successor has taken over')
    void this.#leave(running).then(() => this.#whenHandedOver(undefined))
    return { kind: 'done', value: { pid, milliseconds } }
  }

  async #leave(running: Running): Promise<void> {
    await sleep(LAST_REPLY_MS)
    await running.leave(DRAIN_MS)
  }

  /**
   * Opens the table again and starts everything on the same sockets; what answers from memory answers until then. Where
   * the table can't be opened this resolves all the same, and it is tried again and again.
   */
  async #goOn(
    former: Running,
    { isSilent, ...given }: GivenBack & { readonly isSilent: boolean },
  ): Promise<void> {
    if (isSilent) await former.speak()
    if (!(await this.#hasStartedAgain(former, given))) this.#retrying = this.#retry(former, given)
  }

  async #retry(former: Running, given: GivenBack): Promise<void> {
    do await sleep(RETRY_MS, undefined, { signal: this.#ending.signal }).catch(() => undefined)
    while (!this.#isEnding && !(await this.#hasStartedAgain(former, given)))
    this.#retrying = undefined
    if (!this.#isEnding) this.#beAlone()
  }

  async #hasStartedAgain(former: Running, { sockets, memory }: GivenBack): Promise<boolean> {
    try {
      sockets.giveBack()
      this.#running = await this.#startAgain(after(former, memory))
      this.#former = former
      former.dismissVisitors()
      void this.#leave(former)
      return true
    } catch (error) {
      this.#log.error({ err: error }, 'the table can not be opened again: names are answered from memory')
      await former.speak().catch(() => undefined)
      return false
    }
  }
}

/** What a successor that failed leaves to the process before. */
interface GivenBack {
  readonly sockets: HeldSockets
  readonly memory: Memory
}

/** What is started holds these for as long as it runs: the former one, with all that it has in memory, must not be among it. */
function after(former: Running, memory: Memory): Parameters<StartAgain>[0] {
  const left: { running: Running | undefined } = { running: former }
  return {
    config: former.reload.inForce(),
    brokenZone: memory.hasTable ? 'fail' : 'serve-without',
    released: async () => memory,
    onAnswering: async () => {
      await left.running?.silence()
      left.running = undefined
    },
  }
}

/** A container ends with its first process, or with what that has started. */
function isOfContainer(): boolean {
  if (process.pid === 1) return true
  try {
    return process.ppid === 1 && CONTAINER_INITS.has(readFileSync('/proc/1/comm', 'utf8').trim())
  } catch {
    return false
  }
}
