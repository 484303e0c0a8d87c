import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { childEnvironment, killGroup } from './child.ts'

const RESTART_MS = 5000

/** A program that runs as long as we do and says something from time to time; started again whenever it ends. */
export class LastingChild {
  readonly #command: string
  readonly #args: readonly string[]
  readonly #heard: (line: string) => void
  readonly #restarted: () => void
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

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
    this.#start()
  }

  get isRunning(): boolean {
    const child = this.#child
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    if (this.#child?.pid !== undefined && this.isRunning) killGroup(this.#child.pid)
    this.#child?.stdout?.destroy() // what left the group may hold it still, and we would not end
  }

  #start(): void {
    const child = spawn(this.#command, this.#args, {
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true, // a process group of its own, so that a kill reaches its children too
    })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', this.#heard)
    child.once('error', () => this.#startLater())
    child.once('exit', () => this.#startLater())
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
