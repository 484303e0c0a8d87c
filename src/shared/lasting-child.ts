import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { childEnvironment, keepKillable, killGroup } from './child.ts'

const RESTART_MS = 5000

/** A program that runs as long as we do and says something from time to time; started again whenever it ends. */
export class LastingChild {
  readonly #command: string
  readonly #args: readonly string[]
  readonly #heard: (line: string) => void
  readonly #restarted: () => void
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #runningSince: number | undefined
  #isStopped = false
  readonly #forget: () => void

  /** `heard` gets each line of its output; `restarted` is called when lines may have been missed. */
  constructor(options: {
    readonly command: string
    readonly args: readonly string[]
    readonly heard: (line: string) => void
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

  #start(): void {
    try {
      const child = spawn(this.#command, this.#args, {
        env: childEnvironment(),
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true, // a process group of its own, so that a kill reaches its children too
      })
      child.once('error', () => this.#startLater())
      child.once('exit', () => this.#startLater())
      this.#child = child
      this.#runningSince = performance.now()
      if (child.stdout === undefined) return // it had no file descriptors, and says so by its error
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
