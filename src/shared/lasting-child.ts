import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { childEnvironment, keepKillable, killGroup } from './child.ts'

const RESTART_MS = 5000

/** A program that runs as long as we do and says something from time to time; started again whenever it ends. */
export class LastingChild {
  readonly #command: string
  readonly #args: readonly string[]
  readonly #heard: ((line: string) => void) | undefined
  readonly #restarted: () => void
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #runningSince: number | undefined
  #isStopped = false
  readonly #forget: () => void

  /** `heard` gets each line of its output, which else goes nowhere; `restarted` is called when lines may have been missed. */
  constructor(options: {
    readonly command: string
    readonly args: readonly string[]
    readonly heard?: (line: string) => void
    readonly restarted: () => void
  }) {
    this.#command = options.command
    this.#args = options.args
    this.#heard = options.heard
    this.#restarted = options.restarted
    this.#forget = keepKillable(this)
    this.#start()
  }

  /** When the child that runs was started, as performance.now() tells it; undefined while none runs. */
  get runningSince(): number | undefined {
    return this.isRunning ? this.#runningSince : undefined
  }

  get isRunning(): boolean {
    const child = this.#child
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  stop(): void {
    this.#isStopped = true
    this.#forget()
    clearTimeout(this.#timer)
    if (this.#child?.pid !== undefined && this.isRunning) killGroup(this.#child.pid)
    this.#child?.stdout?.destroy() // what left the group may hold it still, and we would not end
  }

  /** Lets it run on beyond this process, which no longer looks after it. */
  leave(): void {
    this.#isStopped = true
    this.#forget()
    clearTimeout(this.#timer)
    this.#child?.unref()
  }

  #start(): void {
    try {
      const child = spawn(this.#command, this.#args, {
        env: childEnvironment(),
        // Nobody may be left to read: a pipe would end it with its next line.
        stdio: ['ignore', this.#heard === undefined ? 'ignore' : 'pipe', 'ignore'],
        detached: true, // a process group of its own, so that a kill reaches its children too
      })
      child.once('error', () => this.#startLater())
      child.once('exit', () => this.#startLater())
      this.#child = child
      this.#runningSince = performance.now()
      if (this.#heard === undefined || !child.stdout) return // it had no file descriptors, and says so by its error
      createInterface({ input: child.stdout }).on('line', this.#heard)
    } catch {
      this.#startLater()
    }
  }

  #startLater(): void {
    if (this.#isStopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#start()
      this.#restarted()
    }, RESTART_MS)
    this.#timer.unref()
  }
}
