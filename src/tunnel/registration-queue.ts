import type { Lifecycle, Registration, TunnelRequest } from './lifecycle.ts'
import { REFUSAL, refused } from './refusal.ts'

/** Registrations in one transaction: what waits beyond them goes into the next. */
const BATCH = 128

interface Waiting {
  readonly request: TunnelRequest
  readonly done: (registration: Registration) => void
}

/**
 * Registrations that come in during one turn of the event loop share a transaction, and with it the wait for the disk:
 * while one commits, the next visitors' requests gather. Each still has an outcome of its own.
 */
export class RegistrationQueue {
  readonly #lifecycle: Pick<Lifecycle, 'registerAll'>
  #waiting: Waiting[] = []

  constructor(lifecycle: Pick<Lifecycle, 'registerAll'>) {
    this.#lifecycle = lifecycle
  }

  /** Registers with whatever else comes in this turn; resolves when it is in the database, or refused. */
  register(request: TunnelRequest): Promise<Registration> {
    return new Promise(done => {
      this.#waiting.push({ request, done })
      if (this.#waiting.length === 1) setImmediate(() => this.#registerWaiting())
    })
  }

  #registerWaiting(): void {
    const batch = this.#waiting.splice(0, BATCH)
    if (this.#waiting.length > 0) setImmediate(() => this.#registerWaiting())
    const registrations = this.#lifecycle.registerAll(batch.map(({ request }) => request))
    for (const [i, { done }] of batch.entries()) done(registrations[i] ?? refused(REFUSAL.poolFull()))
  }
}
