import type { Log } from '../../shared/log.ts'

/** Listeners that are told of each event in turn; one that throws harms nobody. */
export class Feed<Event> {
  readonly #log: Log
  readonly #listeners = new Set<(event: Event) => void>()

  constructor(log: Log) {
    this.#log = log
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  /** Returns how to stop listening. */
  add(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  tell(event: Event): void {
    for (const listener of this.#listeners) callSafely(() => listener(event), this.#log)
  }
}

/** For what follows a commit: the row stands, so that a fault here is logged and its caller still hears the outcome. */
export function callSafely(call: () => void, log: Log): void {
  try {
    call()
  } catch (error) {
    log.error({ err: error }, 'what follows a commit failed')
  }
}
