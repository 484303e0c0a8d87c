import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Host } from './narrator.ts'

/** A program that runs on a host beside the test, and all that it prints. */
export class Recorder {
  output = ''
  readonly ended: Promise<unknown>
  readonly #child: ChildProcess

  constructor(host: Host, command: readonly string[]) {
    const child = spawn('ip', ['netns', 'exec', host, ...command], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    this.ended = once(child, 'close')
    child.stdout.setEncoding('utf8').on('data', text => {
      this.output += text
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Interrupts it, as from a keyboard. */
  async end(): Promise<void> {
    this.#child.kill('SIGINT')
    await this.ended
  }
}
