import type { Readable } from 'node:stream'
import type { Program } from './program.ts'
import { startProgram } from './program-start.ts'

/** How a child process ended, and what it said until then. */
export interface ChildOutcome {
  /** 'exit': by itself or by a signal of somebody else's; the others: we killed it, for that reason. */
  readonly end: 'exit' | 'deadline' | 'abort' | 'overflow'
  /** Null if it did not exit by itself. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ChildOptions {
  /** Written to its standard input, which is then closed. */
  readonly input?: string
  /** Milliseconds after which it is killed; left out for one that is to run until it is stopped. */
  readonly deadlineMs?: number
  /** Takes what it writes to its standard output, as it comes, in place of the outcome. */
  readonly onOutput?: (text: string) => void
  readonly signal?: AbortSignal
  /** Bytes on both outputs together after which it is killed. */
  readonly maxOutputBytes?: number
}

/** A program that can't be started: not there, not allowed, or no process to be had. */
export class ChildFault extends Error {
  readonly code = 'child-unstartable'
  readonly command: string

  constructor(command: string, cause: unknown) {
    super(`${command} can not be run: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'ChildFault'
    this.command = command
  }
}

const ABORTED: ChildOutcome = { end: 'abort', code: null, stdout: '', stderr: '' }
const DEFAULT_MAX_OUTPUT_BYTES = 4 * 1024 * 1024
/** Children that run now: they would outlive this process, in process groups of their own. */
const running = new Set<{ stop(): void }>()
let isOver = false

/** Where `ip` and `nft` are; an ordinary user's PATH leaves it out. */
const SYSTEM_DIRECTORIES = '/usr/local/sbin:/usr/sbin:/sbin'

/**
 * Runs a program without a shell and resolves when it has ended or was killed: within `deadlineMs`, where given,
 * whatever it does.
 * Its words are in English (LC_ALL=C), because they are parsed. Rejects with ChildFault if it can't be started.
 */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildOutcome> {
  if (isOver || options.signal?.aborted) return ABORTED
  const program = await startProgram(command, {
    args,
    environment: childEnvironment(),
    pipes: [true, true, true],
  }).catch((error: unknown) => {
    throw new ChildFault(command, error)
  })
  return new Promise(resolve => {
    const child = new RunningChild(program, options, resolve)
    if (isOver || options.signal?.aborted) child.stop()
    else child.feed(options.input ?? '')
  })
}

/** Kills every child that still runs and starts no other: the last thing before the process ends. */
export function killChildren(): void {
  isOver = true
  for (const child of running) child.stop()
}

/** What `ip` and `nft` are run with: their words are parsed, so they are English. */
export function childEnvironment(): Readonly<Record<string, string>> {
  return { PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:${SYSTEM_DIRECTORIES}`, LC_ALL: 'C', LANG: 'C' }
}

/** One child between its start and its end: collects what it says, and owns the timer and the kill. */
class RunningChild {
  readonly #program: Program
  readonly #resolve: (outcome: ChildOutcome) => void
  readonly #stdout: Buffer[] = []
  readonly #stderr: Buffer[] = []
  readonly #timer: NodeJS.Timeout | undefined
  readonly #signal: AbortSignal | undefined
  readonly #abort = () => this.#kill('abort')
  #room: number
  #settled = false

  constructor(program: Program, options: ChildOptions, resolve: (outcome: ChildOutcome) => void) {
    this.#program = program
    this.#resolve = resolve
    this.#room = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES
    this.#signal = options.signal
    this.#signal?.addEventListener('abort', this.#abort, { once: true })
    const { deadlineMs, onOutput } = options
    if (deadlineMs !== undefined) this.#timer = setTimeout(() => this.#kill('deadline'), deadlineMs)
    const { stdout, stderr, ended } = program
    stdout?.on('data', (chunk: Buffer) => {
      if (onOutput === undefined) this.#collect(this.#stdout, chunk)
      else onOutput(chunk.toString())
    })
    stderr?.on('data', (chunk: Buffer) => this.#collect(this.#stderr, chunk))
    void Promise.all([ended, closed(stdout), closed(stderr)]).then(([code]) => this.#settle('exit', code))
    running.add(this)
  }

  /** Kills it as its signal would. */
  stop(): void {
    this.#kill('abort')
  }

  feed(input: string): void {
    this.#program.stdin?.on('error', () => undefined) // it may end without reading: its exit status says enough
    this.#program.stdin?.end(input)
  }

  #collect(chunks: Buffer[], chunk: Buffer): void {
    this.#room -= chunk.length
    if (this.#room < 0) this.#kill('overflow')
    else chunks.push(chunk)
  }

  #kill(end: 'deadline' | 'abort' | 'overflow'): void {
    if (this.#settled) return
    killGroup(this.#program.pid)
    // Something that left the group may still hold the pipes: they are closed rather than waited for.
    this.#program.stdout?.destroy()
    this.#program.stderr?.destroy()
    this.#settle(end, null)
  }

  #settle(end: ChildOutcome['end'], code: number | null): void {
    if (this.#settled) return
    this.#settled = true
    running.delete(this)
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#program.stdin?.destroy() // what it has left behind may hold the other end, and would never read the rest
    this.#resolve({
      end,
      code,
      stdout: Buffer.concat(this.#stdout).toString(),
      stderr: Buffer.concat(this.#stderr).toString(),
    })
  }
}

/** Has `killChildren` stop a child that runs as long as this process; returns how to take it off again. */
export function keepKillable(child: { stop(): void }): () => void {
  running.add(child)
  return () => running.delete(child)
}

/** Kills a child that was started as the head of a process group, and all that it has started. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}

function closed(output: Readable | undefined): Promise<void> {
  return new Promise(resolve => {
    if (output === undefined) resolve()
    else output.once('close', resolve)
  })
}
