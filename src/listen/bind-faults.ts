import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import type { ListenFault } from './listen-fault.ts'

/** What a fault at binding is told to. */
export type OnFault = (fault: ListenFault) => void

/** Addresses that could not be bound since the start, and are tried again: each is told of once for each reason. */
export class BindFaults {
  readonly #faults = new Map<string, ListenFault>()
  readonly #onFault: OnFault

  constructor(onFault: OnFault = () => undefined) {
    this.#onFault = onFault
  }

  get all(): readonly ListenFault[] {
    return [...this.#faults.values()]
  }

  has(endpoint: Endpoint): boolean {
    return this.#faults.has(formatEndpoint(endpoint))
  }

  note(endpoint: Endpoint, fault: ListenFault): void {
    const before = this.#faults.get(formatEndpoint(endpoint))
    this.#faults.set(formatEndpoint(endpoint), fault)
    if (before?.code !== fault.code) this.#onFault(fault)
  }

  /** It is bound, or not there any more. */
  forget(endpoint: Endpoint): void {
    this.#faults.delete(formatEndpoint(endpoint))
  }
}
