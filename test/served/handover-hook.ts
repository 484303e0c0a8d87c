/**
 * Loaded before the program by NODE_OPTIONS=--import. A file, named in FREENET6_TEST_STEP, says at which message between
 * a process and its successor something happens, once: the process ends as by kill -9, or waits until the file is gone.
 */
import childProcess, { type ChildProcess } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

export interface Step {
  readonly of: 'predecessor' | 'successor'
  readonly at: 'before saying' | 'on hearing'
  readonly kind: string
  /** `wait`, at what is said only: nothing is said until the file is gone, and `HELD` is written to standard error. */
  readonly what: 'kill' | 'wait'
}

export const HELD = 'held at a step of the hand-over'
const FILE = process.env.FREENET6_TEST_STEP ?? ''
const POLL_MS = 5

if (process.send !== undefined) {
  const say = process.send.bind(process)
  process.send = ((message: unknown, ...rest: never[]) =>
    saying('successor', message, () => say(message, ...rest))) as typeof process.send
  process.on('message', message => hear('successor', message))
}

const spawn = childProcess.spawn
childProcess.spawn = ((...given: Parameters<typeof spawn>) => {
  const child = spawn(...given)
  if (child.send !== undefined && child.channel) watch(child)
  return child
}) as typeof spawn
syncBuiltinESMExports()

function watch(child: ChildProcess): void {
  const say = child.send.bind(child)
  child.send = ((message: never, ...rest: never[]) =>
    saying('predecessor', message, () => say(message, ...rest))) as typeof child.send
  child.on('message', message => hear('predecessor', message))
}

function saying(of: Step['of'], message: unknown, say: () => void): boolean {
  const step = stepOf(of, 'before saying', message)
  if (step?.what === 'kill') die()
  if (step?.what !== 'wait') say()
  else {
    process.stderr.write(`${HELD}\n`)
    const timer = setInterval(() => {
      if (stepOf(of, 'before saying', message) !== undefined) return
      clearInterval(timer)
      say()
    }, POLL_MS)
  }
  return true
}

function hear(of: Step['of'], message: unknown): void {
  if (stepOf(of, 'on hearing', message) !== undefined) die()
}

function stepOf(of: Step['of'], at: Step['at'], message: unknown): Step | undefined {
  try {
    const step = JSON.parse(readFileSync(FILE, 'utf8')) as Step
    const isIt = step.of === of && step.at === at && step.kind === (message as { kind?: unknown }).kind
    return isIt ? step : undefined
  } catch {
    return undefined // nothing is to happen
  }
}

function die(): void {
  rmSync(FILE)
  process.kill(process.pid, 'SIGKILL')
}
