import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { PassedSocket } from '../listen/held-sockets.ts'
import {
  type Coming,
  type PredecessorMessage,
  SOCKETS_VARIABLE,
  type SuccessorStep,
  successorMessage,
} from './messages.ts'

/** In the child: standard input and outputs, then the channel, then the sockets. */
const FIRST_SOCKET = 4

/** What it has said last may be heard after its end. */
const LAST_WORDS_MS = 100

/** How long one that is to end may take to end what it has started. */
const FAREWELL_MS = 500

/** A successor that does not come to serve; the message says why. */
class SuccessorFault extends Error {
  constructor(reasons: readonly string[]) {
    super(reasons.join('; '))
  }
}

/** The process that this one has started to take its place: see messages.ts. */
export class Successor {
  readonly #child: ChildProcess
  readonly #steps = new Set<string>()
  #coming: Coming | undefined
  #fault: SuccessorFault | undefined
  #wake: () => void = () => undefined

  /** Starts the program of this process anew, from where it lies now, with the same arguments, environment and outputs. */
  constructor(sockets: readonly PassedSocket[]) {
    const passed = sockets.map((socket, at) => ({ ...socket, fd: FIRST_SOCKET + at }))
    this.#child = spawn(nodeProgram(), [...process.execArgv, ...process.argv.slice(1)], {
      env: { ...process.env, [SOCKETS_VARIABLE]: JSON.stringify(passed) },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...sockets.map(({ fd }) => fd)],
    })
    this.#child.on('message', message => this.#take(message))
    this.#child.once('error', error => this.#fail([`it can not be started: ${error.message}`]))
    this.#child.once('exit', (code, signal) => {
      const reasons = [`it ended with ${signal ?? `status ${code}`}`]
      setTimeout(() => this.#fail(reasons), LAST_WORDS_MS)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it would serve; undefined before it is prepared, and of a version that does not say. */
  get coming(): Coming | undefined {
    return this.#coming
  }

  /** Resolves when the successor has come so far. Rejects with a SuccessorFault, also if that takes too long. */
  async reach(step: SuccessorStep, patienceMs: number): Promise<void> {
    const timer = setTimeout(
      () => this.#fail([`it was not ${step} within ${Math.round(patienceMs / 1000)} s`]),
      patienceMs,
    )
    try {
      while (!this.#steps.has(step)) {
        if (this.#fault !== undefined) throw this.#fault
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }

  tell(message: PredecessorMessage): void {
    if (this.#child.connected) this.#child.send(message, () => undefined) // its end is heard by 'exit'
  }

  /** As long as this process has not ended, its successor's id is no other process's. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends it; resolves when it is gone, with its locks. What it has started ends with it, unless it is too busy. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), FAREWELL_MS)
    await gone
    clearTimeout(impatience)
  }

  /** Leaves it to itself: it outlives this process. */
  leave(): void {
    this.#child.removeAllListeners()
    if (this.#child.connected) this.#child.disconnect()
    this.#child.unref()
  }

  #take(message: unknown): void {
    const reading = successorMessage.safeParse(message)
    if (!reading.success) return
    if (reading.data.kind === 'failed') this.#fail(reading.data.reasons)
    else this.#steps.add(reading.data.kind)
    if (reading.data.kind === 'prepared') this.#coming = reading.data.coming
    this.#wake()
  }

  /** What it says itself tells more than its exit status. */
  #fail(reasons: readonly string[]): void {
    this.#fault ??= new SuccessorFault(reasons)
    this.#wake()
  }
}

/**
 * Node by the path that this process was started with: where a link to the version's directory is on it, that may lead to
 * another one by now, and the one that runs here be gone.
 */
function nodeProgram(): string {
  const { argv0, execPath } = process
  return isAbsolute(argv0) && existsSync(argv0) ? argv0 : execPath
}
