import type { Endpoint } from '../shared/endpoint.ts'

/** How often it is looked whether an address has come. */
const RETRY_MS = 1000

/** Binds addresses that were not there at the start (an interface that is down, duplicate address detection) once they are. */
export class AwaitedAddresses {
  readonly #bind: (endpoint: Endpoint) => Promise<boolean>
  #endpoints: readonly Endpoint[] = []
  #timer: NodeJS.Timeout | undefined
  #attempt: Promise<void> = Promise.resolve()
  #isStopped = false

  /** `bind` says whether the address is bound now; it never rejects. */
  constructor(bind: (endpoint: Endpoint) => Promise<boolean>) {
    this.#bind = bind
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints
  }

  start(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints
    this.#wait()
  }

  /** Resolves when nothing is being bound any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#attempt
  }

  #wait(): void {
    if (this.#isStopped || this.#endpoints.length === 0) return
    this.#timer = setTimeout(() => {
      this.#attempt = this.#try().finally(() => this.#wait())
    }, RETRY_MS)
  }

  async #try(): Promise<void> {
    for (const endpoint of this.#endpoints) {
      if (!this.#isStopped && (await this.#bind(endpoint)))
        this.#endpoints = this.#endpoints.filter(other => other !== endpoint)
    }
  }
}
