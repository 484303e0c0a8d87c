import { killChildren } from './shared/child.ts'
import type { Log } from './shared/log.ts'

/** How a part that was started is stopped. */
export type Stop = () => Promise<void> | void

interface Part {
  readonly stop: Stop
  readonly lasts: boolean
}

/** What was started and has to be stopped, in the reverse order. */
export class Stops {
  #parts: readonly Part[] = []

  push(stop: Stop): void {
    this.#parts = [...this.#parts, { stop, lasts: false }]
  }

  /** Of a part that goes on without the table while another process takes over. */
  pushLasting(stop: Stop): void {
    this.#parts = [...this.#parts, { stop, lasts: true }]
  }

  /** Stops all but the parts that last. */
  async endWriters(log: Log): Promise<void> {
    const ending = this.#parts.filter(({ lasts }) => !lasts)
    this.#parts = this.#parts.filter(({ lasts }) => lasts)
    await stopAll(ending, log)
  }

  async end(log: Log): Promise<void> {
    const ending = this.#parts
    this.#parts = []
    await stopAll(ending, log)
  }
}

/** Stops all, and kills what other programs still do for us; after the deadline it ends the process. */
export async function endWithin(
  milliseconds: number,
  { end, log }: { readonly end: () => Promise<void>; readonly log: Log },
): Promise<void> {
  const deadline = setTimeout(() => {
    log.error({}, 'not everything could be stopped in time')
    killChildren()
    process.exit(process.exitCode ?? 0)
  }, milliseconds)
  await end()
  killChildren() // `ip` may hang: nothing waits for it any more
  clearTimeout(deadline)
}

async function stopAll(parts: readonly Part[], log: Log): Promise<void> {
  for (const { stop } of parts.toReversed()) {
    try {
      await stop()
    } catch (error) {
      log.error({ err: error }, 'a part did not stop cleanly')
    }
  }
}
