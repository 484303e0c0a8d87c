import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from './process-figures.ts'
import { isRight, type Question, UdpAsker } from './question.ts'

const FIRST_ANSWER_TIMEOUT_MS = 120_000
/** A server that is not there yet says nothing: it is asked again after this time. */
const FIRST_ANSWER_WAIT_MS = 10
const PRINTED_TIMEOUT_MS = 60_000
const PRINTED_POLL_MS = 20
const STOP_TIMEOUT_MS = 15_000
/** A server that used less than a twentieth of a core for so long has done what it does after its start. */
const QUIET_MS = 500
const QUIET_SHARE = 0.05
const SETTLE_TIMEOUT_MS = 60_000
const PORT_ATTEMPTS = 50
/** Above those that fetch and browsers refuse. */
const FIRST_FREE_PORT = 20_000
const FIRST_GIVEN_PORT = 32_768
const ANY_QUESTION: Question = { name: 'echo.test', type: 'SOA' }

export interface Launch {
  /** The whole command, without taskset. */
  readonly command: readonly string[]
  readonly directory: string
  readonly cores: string
  readonly port: number
  /** What it answers when it is ready; undefined: any reply will do. */
  readonly question: Question | undefined
}

/** A server process that answers. `await using` ends it. */
export class RunningServer {
  readonly pid: number
  readonly port: number
  /** As it can be repeated by hand. */
  readonly command: string
  /** From the start of the process to the first right answer. */
  readonly startMs: number
  readonly #child: ChildProcess
  readonly #output: string

  private constructor(child: ChildProcess, launch: Launch, startMs: number, output: string) {
    this.pid = child.pid ?? 0
    this.port = launch.port
    this.command = pinned(launch).join(' ')
    this.startMs = startMs
    this.#child = child
    this.#output = output
  }

  /** Rejects with what the server said where it ends or does not answer in time. */
  static async launch(launch: Launch): Promise<RunningServer> {
    const [program = '', ...args] = pinned(launch)
    const output = `${launch.directory}/output.log`
    const descriptor = openSync(output, 'w')
    const started = performance.now()
    const child = spawn(program, args, { cwd: launch.directory, stdio: ['ignore', descriptor, descriptor] })
    closeSync(descriptor)
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    try {
      await untilAnswered(child, launch, started)
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(`${launch.command.join(' ')}: ${String(error)}\n${tail(output)}`)
    }
    return new RunningServer(child, launch, performance.now() - started, output)
  }

  /** Waits for something on its output. Rejects with what there is where it does not come. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const end = performance.now() + PRINTED_TIMEOUT_MS
    while (performance.now() < end) {
      const found = pattern.exec(readFileSync(this.#output, 'utf8'))
      if (found !== null) return found
      await sleep(PRINTED_POLL_MS)
    }
    throw new Error(`${this.command} did not say ${pattern}\n${tail(this.#output)}`)
  }

  /** Waits until the work that follows the start is done, so that it is not counted as that of the questions. */
  async settle(): Promise<void> {
    const end = performance.now() + SETTLE_TIMEOUT_MS
    for (let before = cpuSeconds(this.pid); performance.now() < end; ) {
      await sleep(QUIET_MS)
      const now = cpuSeconds(this.pid)
      if ((now - before) * 1000 < QUIET_MS * QUIET_SHARE) return
      before = now
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }
}

/**
 * A port of 127.0.0.1 that is free for UDP and TCP, until somebody takes it: so it is none of those that the system gives
 * to sockets of clients and to listeners on port 0, on Linux those from 32,768 on.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_FREE_PORT, FIRST_GIVEN_PORT)
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port
  }
  throw new Error('no port is free for both UDP and TCP')
}

async function isFreeForTcp(port: number): Promise<boolean> {
  const tcp = createServer()
  try {
    const bound = once(tcp, 'listening')
    tcp.listen(port, '127.0.0.1')
    await bound
    tcp.close()
    await once(tcp, 'close')
    return true
  } catch {
    return false
  }
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const udp = createSocket('udp4')
  try {
    const bound = once(udp, 'listening')
    udp.bind(port, '127.0.0.1')
    await bound
    return true
  } catch {
    return false
  } finally {
    udp.close()
  }
}

async function untilAnswered(
  child: ChildProcess,
  { port, question }: Launch,
  started: number,
): Promise<void> {
  using asker = new UdpAsker(port)
  while (performance.now() - started < FIRST_ANSWER_TIMEOUT_MS) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended')
    const reply = await asker.ask(question ?? ANY_QUESTION, FIRST_ANSWER_WAIT_MS)
    if (question === undefined ? reply !== undefined : isRight(question, reply)) return
  }
  throw new Error('it does not answer')
}

function pinned({ cores, command }: Launch): readonly string[] {
  return ['taskset', '-c', cores, ...command]
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')
}
