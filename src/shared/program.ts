import type { Readable, Writable } from 'node:stream'

/** A program that runs, the head of a session of its own: a kill of its group reaches all that it has started. */
export interface Program {
  readonly pid: number
  /** Undefined, as the outputs may be: it has /dev/null there. */
  readonly stdin: Writable | undefined
  readonly stdout: Readable | undefined
  readonly stderr: Readable | undefined
  /** When it has ended: its exit status; null if a signal ended it. This process is held until then. */
  readonly ended: Promise<number | null>
  /** This process may end before it. */
  readonly letGo: () => void
}

export interface ProgramOptions {
  readonly args: readonly string[]
  /** All of it; the program is looked for in its PATH. */
  readonly environment: Readonly<Record<string, string>>
  /** Which of input, output and errors are pipes to us. */
  readonly pipes: readonly [input: boolean, output: boolean, errors: boolean]
}

/** Rejects with the system's error if it can't be started. */
export type Start = (command: string, options: ProgramOptions) => Promise<Program>
