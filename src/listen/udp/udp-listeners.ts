import type { Respond } from '../../engine/respond.ts'
import { type Durations, sumOfDurations } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import type { OnFault } from '../bind-faults.ts'
import type { ListenFault } from '../listen-fault.ts'
import { sumOf } from '../threads/shared-counts.ts'
import { NO_UDP_COUNTS, type UdpCounts, UdpListener } from './dgram-listener.ts'
import { EveryAddress } from './every-address.ts'
import { isWildcard } from './packet-info.ts'

/** What answers UDP on all listen addresses, in whichever threads. */
export interface UdpListeners {
  /** Binds an address; port 0 is any free one. Rejects with a ListenFault, and nothing of that address is bound. */
  bind(endpoint: Endpoint): Promise<Endpoint>
  /**
   * Binds an address that this machine is yet to have, before `start`; undefined if that can not be done, so that
   * `bind` has to be called once the address is there. Rejects with a ListenFault for other reasons.
   */
  bindAhead(endpoint: Endpoint): Promise<Endpoint | undefined>
  /** From now on every address that is bound is answered on. */
  start(): Promise<void>
  /** Addresses of this machine that could not be bound since the start, and are tried again. */
  readonly unbound: readonly ListenFault[]
  /** Counts of all addresses and threads, added up. */
  readonly counts: UdpCounts
  /** How long answers took, from the datagram to its reply. */
  readonly durations: Durations
  /** Stops answering; resolves when the ports are free. */
  close(): Promise<void>
}

/** Node's own sockets, on the thread that makes them: everywhere, and slower. */
export class DgramListeners implements UdpListeners {
  readonly #respond: Respond
  readonly #onFault: OnFault | undefined
  readonly #listeners: (UdpListener | EveryAddress)[] = []

  /** `onFault` is told of an address that has come and can't be bound. */
  constructor(respond: Respond, { onFault }: { readonly onFault?: OnFault } = {}) {
    this.#respond = respond
    this.#onFault = onFault
  }

  async bind(endpoint: Endpoint): Promise<Endpoint> {
    const listener = isWildcard(endpoint.address)
      ? await EveryAddress.listen(endpoint, this.#respond, { onFault: this.#onFault })
      : await UdpListener.listen(endpoint, this.#respond)
    this.#listeners.push(listener)
    return listener.address
  }

  async bindAhead(): Promise<undefined> {
    return undefined
  }

  async start(): Promise<void> {
    // They answer from the moment they are bound.
  }

  get unbound(): readonly ListenFault[] {
    return this.#listeners.flatMap(listener => (listener instanceof EveryAddress ? listener.unbound : []))
  }

  get counts(): UdpCounts {
    return sumOf(
      { ...NO_UDP_COUNTS },
      this.#listeners.map(({ counts }) => counts),
    )
  }

  get durations(): Durations {
    return sumOfDurations(this.#listeners.map(({ durations }) => durations.read()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map(listener => listener.close()))
  }
}
