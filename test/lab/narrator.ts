import { spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

/** How one step of the story went, as one line of JSON in the report. */
export interface StepReport {
  readonly title: string
  readonly kind: 'ok' | 'failed' | 'not-tried'
  readonly seconds: number
  /** What went wrong. */
  readonly detail?: string
}

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A host of the lab: the name of its network namespace. */
export type Host = 'broker' | 'client' | 'client2' | 'internet' | 'home'

export interface RunOptions {
  /** Tells only the lines of output that this matches; all of them unless given. */
  readonly only?: RegExp
  /** Milliseconds, 120,000 unless given: then the command is killed and the step fails. */
  readonly timeout?: number
}

const MOST_LINES = 12
const DEFAULT_TIMEOUT_MS = 120_000

/**
 * Tells the story of the lab on stdout, step by step: a sentence, the commands, what was seen, how it ended. Once a
 * step has failed the rest is not tried, for it builds on what came before.
 */
export class Narrator {
  readonly #report: number | undefined
  #steps = 0
  #failures = 0

  /** With a file name, each step is also written there as a line of JSON. */
  constructor(reportFile?: string) {
    this.#report = reportFile === undefined ? undefined : openSync(reportFile, 'a')
  }

  get hasFailed(): boolean {
    return this.#failures > 0
  }

  async step(title: string, body: () => Promise<void> | void): Promise<void> {
    this.#steps++
    if (this.hasFailed) return this.#close({ title, kind: 'not-tried', seconds: 0 })
    print(`\n${this.#steps}. ${title}`)
    const start = performance.now()
    try {
      await body()
      this.#close({ title, kind: 'ok', seconds: since(start) })
    } catch (error) {
      this.#failures++
      const detail = error instanceof Error ? error.message : String(error)
      this.#close({ title, kind: 'failed', seconds: since(start), detail })
    }
  }

  /** What was found out, in a sentence. */
  tell(sentence: string): void {
    print(`   ${sentence}`)
  }

  /** Runs a command on a host, tells the command and what it printed. */
  run(host: Host, command: readonly string[], options: RunOptions = {}): Outcome {
    print(`   ${host}$ ${command.map(quoted).join(' ')}`)
    const outcome = runQuietly(host, command, options)
    tellOutput(outcome, options.only ?? /\S/)
    return outcome
  }

  end(): void {
    if (this.#report !== undefined) closeSync(this.#report)
    print(this.hasFailed ? '\nThe story has FAILED.' : '\nThe story has come to its good end.')
  }

  #close(report: StepReport): void {
    if (report.kind === 'ok') print(`   ok (${report.seconds.toFixed(1)} s)`)
    if (report.kind === 'failed') print(`   FAILED: ${report.detail}`)
    if (report.kind === 'not-tried') print(`${this.#steps}. ${report.title}: not tried`)
    if (this.#report === undefined) return
    writeSync(this.#report, `${JSON.stringify(report)}\n`)
    fsyncSync(this.#report) // the guest may stop before it writes its pages back
  }
}

/** Runs a command on a host without a word. */
export function runQuietly(host: Host, command: readonly string[], options: RunOptions = {}): Outcome {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT_MS
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', host, ...command], {
    encoding: 'utf8',
    timeout,
    killSignal: 'SIGKILL',
  })
  return { status, stdout, stderr }
}

function tellOutput({ status, stdout, stderr }: Outcome, only: RegExp): void {
  const lines = `${stdout}${stderr}`.split('\n').filter(line => only.test(line))
  for (const line of lines.slice(0, MOST_LINES)) print(`   | ${line.trim()}`)
  if (lines.length > MOST_LINES) print(`   | … ${lines.length - MOST_LINES} more lines`)
  if (status !== 0) print(`   | exit status ${status}`)
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`
}

function since(start: number): number {
  return Math.round(performance.now() - start) / 1000
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
