import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { INTERNET_IPV6, until } from './lab-broker.ts'

/** A crafted 6in4 packet; packets.py says what its fields mean. */
export interface Case {
  readonly name: string
  readonly outer: string
  readonly inner: string
  readonly to?: string
  readonly hiding?: string
  readonly fragment?: number
}

const PACKETS = join(import.meta.dirname, 'packets.py')
/** Debian's: one of another place may be a script around it, which takes the guest seconds. */
const PYTHON = '/usr/bin/python3'
const START_MS = 120_000
/** Time for a packet to cross the lab. */
const CROSSING_MS = 300
const LOOK_MS = 10

/** The way from the client's host through the broker to the internet host: a sender at one end, a listener at the other. */
export class Crossing {
  readonly #listener: ChildProcessByStdio<null, Readable, null>
  readonly #sender: ChildProcessByStdio<Writable, null, null>
  #heard = ''

  private constructor() {
    const at = (host: string, role: string) => ['netns', 'exec', host, PYTHON, '-I', '-S', PACKETS, role]
    this.#listener = spawn('ip', at('internet', 'listen'), { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#sender = spawn('ip', at('client', 'send'), { stdio: ['pipe', 'ignore', 'inherit'] })
    this.#listener.stdout.setEncoding('utf8').on('data', text => {
      this.#heard += text
    })
  }

  static async open(): Promise<Crossing> {
    const crossing = new Crossing()
    await until('the listener', START_MS, () => crossing.#heard.includes('listening') || undefined)
    return crossing
  }

  /** Names of the cases that have reached the internet host, in order. */
  get arrived(): readonly string[] {
    return this.#heard.split('\n').filter(line => line !== '' && line !== 'listening')
  }

  send(cases: readonly Case[]): void {
    for (const one of cases) this.#sender.stdin.write(`${JSON.stringify({ to: INTERNET_IPV6, ...one })}\n`)
  }

  /** Resolves with whether the case has arrived when there was time for it. */
  async has(name: string): Promise<boolean> {
    const deadline = performance.now() + CROSSING_MS
    while (!this.arrived.includes(name) && performance.now() < deadline) await sleep(LOOK_MS)
    return this.arrived.includes(name)
  }

  /** Resolves with what has arrived, when all that was sent had time to. */
  async close(): Promise<readonly string[]> {
    const sent = once(this.#sender, 'exit')
    this.#sender.stdin.end()
    const [status] = await sent
    await sleep(CROSSING_MS)
    const gone = once(this.#listener, 'exit')
    this.#listener.kill('SIGKILL')
    await gone
    if (status !== 0) throw new Error(`the sender ended with ${status}`)
    return this.arrived
  }
}

/** Sends the cases from the client's host; returns the names of those that reach the internet host, in order. */
export async function arrivals(cases: readonly Case[]): Promise<readonly string[]> {
  const crossing = await Crossing.open()
  crossing.send(cases)
  return crossing.close()
}
