import { createInterface } from 'node:readline'
import { childEnvironment, keepKillable, killGroup } from './child.ts'
import type { Program } from './program.ts'
import { startProgram } from './program-start.ts'

const RESTART_MS = 5000
/** A program that listens is taken to hear all from this time after its start on. */
export const HEARS_ALL_MS = 3000

/** A program that runs as long as we do and says something from time to time; started again whenever it ends. */
export class LastingChild {
  readonly #command: string
  readonly #args: readonly string[]
  readonly #heard: ((line: string) => void) | undefined
  readonly #restarted: () => void
  #program: Program | undefined
  #timer: NodeJS.Timeout | undefined
  #hearing: NodeJS.Timeout | undefined
  #runningSince: number | undefined
  #state: 'wanted' | 'stopped' | 'left' = 'wanted'
  readonly #forget: () => void

  /**
   * `heard` gets each line of its output, which else goes nowhere; `restarted` is called when lines may have been missed:
   * after a new start, and where lines are heard once more, when it certainly hears what goes on.
   */
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
    void this.#run('first')
  }

  /** When the child that runs was started, as performance.now() tells it; undefined while none runs. */
  get runningSince(): number | undefined {
    return this.isRunning ? this.#runningSince : undefined
  }

  get isRunning(): boolean {
    return this.#program !== undefined
  }

  stop(): void {
    this.#endCare('stopped')
    if (this.#program !== undefined) killGroup(this.#program.pid)
    this.#program?.stdout?.destroy() // what left the group may hold it still, and we would not end
  }

  /** Lets it run on beyond this process, which no longer looks after it. */
  leave(): void {
    this.#endCare('left')
    this.#program?.letGo()
  }

  #endCare(state: 'stopped' | 'left'): void {
    this.#state = state
    this.#forget()
    clearTimeout(this.#timer)
    clearTimeout(this.#hearing)
  }

  /** Starts it, and comes back for the next start when it has ended or could not be started. */
  async #run(start: 'first' | 'again'): Promise<void> {
    const program = await startProgram(this.#command, {
      args: this.#args,
      environment: childEnvironment(),
      // Nobody may be left to read: a pipe would end it with its next line.
      pipes: [false, this.#heard !== undefined, false],
    }).catch(() => undefined) // there may be no process to be had now
    if (program !== undefined) await this.#lookAfter(program, start)
    this.#program = undefined
    clearTimeout(this.#hearing)
    this.#runLater()
  }

  /** Until it has ended, or is looked after no more. */
  async #lookAfter(program: Program, start: 'first' | 'again'): Promise<void> {
    this.#program = program
    this.#runningSince = performance.now()
    if (this.#state === 'stopped') this.stop()
    else if (this.#state === 'left') this.leave()
    else {
      if (this.#heard !== undefined && program.stdout !== undefined)
        createInterface({ input: program.stdout }).on('line', this.#heard)
      if (start === 'again') this.#tellRestart()
    }
    await program.ended
  }

  #tellRestart(): void {
    this.#restarted()
    if (this.#heard === undefined) return
    this.#hearing = setTimeout(this.#restarted, HEARS_ALL_MS)
    this.#hearing.unref()
  }

  #runLater(): void {
    if (this.#state !== 'wanted') return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#run('again'), RESTART_MS)
    this.#timer.unref()
  }
}
