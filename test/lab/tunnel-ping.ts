import type { Host } from './narrator.ts'
import { Recorder } from './recorder.ts'

/** Echoes that may be on their way when it ends. */
const UNDER_WAY = 2
const EVERY_SECONDS = '0.02'

/** A ping that runs until it is ended. */
export class TunnelPing {
  readonly host: Host
  readonly #recorder: Recorder

  constructor(host: Host, address: string) {
    this.host = host
    this.#recorder = new Recorder(host, ['ping', '-6', '-n', '-i', EVERY_SECONDS, address])
  }

  /** Ends it; tells how many echoes it has sent and which, by number, came back from nobody. */
  async end(): Promise<{ readonly sent: number; readonly lost: readonly number[] }> {
    await this.#recorder.end()
    const { output } = this.#recorder
    const sent = Number(/^(\d+) packets transmitted/m.exec(output)?.[1])
    const answered = new Set(
      Array.from(output.matchAll(/bytes from .* icmp_seq=(\d+) /g), ([, seq]) => Number(seq)),
    )
    const due = Array.from({ length: Math.max(0, sent - UNDER_WAY) }, (_, index) => index + 1)
    return { sent, lost: due.filter(seq => !answered.has(seq)) }
  }
}
