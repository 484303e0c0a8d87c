import { killChildren } from './shared/child.ts'
import type { Log } from './shared/log.ts'

/** How a part that was started is stopped. */
export type Stop = () => Promise<void> | void

interface Part {
  readonly name: string
  readonly stop: Stop
  readonly lasts: boolean
}

/** From then on the log says what a stop waits for: it is soon cut short. */
const SLOW_MS = 1500

/** What was started and has to be stopped, in the reverse order; names are for the log. */
export class Stops {
  #parts: readonly Part[] = []

  push(name: string, stop: Stop): void {
    this.#parts = [...this.#parts, { name, stop, lasts: false }]
  }

  /** Of a part that goes on without the table while another process takes over. */
  pushLasting(name: string, stop: Stop): void {
    this.#parts = [...this.#parts, { name, stop, lasts: true }]
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

/**
 * Stops all, and kills what other programs still do for us. What is left then holds nothing up: the process ends by itself, and
 * after the deadline whatever goes on.
 */
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
  deadline.unref()
}

async function stopAll(parts: readonly Part[], log: Log): Promise<void> {
  for (const { name, stop } of parts.toReversed()) {
    const slow = setTimeout(() => log.warn({ part: name }, 'a part takes long to stop'), SLOW_MS)
    try {
      await stop()
    } catch (error) {
      log.error({ err: error, part: name }, 'a part did not stop cleanly')
    } finally {
      clearTimeout(slow)
    }
  }
}
