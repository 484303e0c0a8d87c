import { networkInterfaces } from 'node:os'
import type { Respond } from '../../engine/respond.ts'
import { DurationCount, type Durations, sumOfDurations } from '../../shared/durations.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import { BindFaults, type OnFault } from '../bind-faults.ts'
import { ListenFault } from '../listen-fault.ts'
import { sumOf } from '../threads/shared-counts.ts'
import { NO_UDP_COUNTS, type UdpCounts, UdpListener } from './dgram-listener.ts'

/** How often it is looked which addresses this machine has. */
const LOOK_EVERY_MS = 2000
/** Still being made sure of (RFC 4862 5.4), or gone since it was listed, perhaps with its interface. */
const NOT_THERE: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EINVAL', 'ENODEV'])

/**
 * What answers on all addresses of a family with Node's own sockets. Those do not tell which address a datagram was sent
 * to, and a reply from another one is none: so there is a socket for each address, and they follow what this machine has.
 */
export class EveryAddress {
  readonly #wildcard: string
  readonly #respond: Respond
  readonly #bound = new Map<string, UdpListener>()
  readonly #faults: BindFaults
  #port: number
  /** What was counted by sockets that are closed. */
  #gone: { readonly counts: UdpCounts; readonly durations: Durations } = {
    counts: NO_UDP_COUNTS,
    durations: new DurationCount().read(),
  }
  #timer: NodeJS.Timeout | undefined
  #look: Promise<void> = Promise.resolve()
  #isClosed = false

  /** Binds what is there, and answers at once. Port 0 is one that is free on the first address. Rejects with a ListenFault. */
  static async listen(
    endpoint: Endpoint,
    respond: Respond,
    { onFault }: { readonly onFault?: OnFault | undefined } = {},
  ): Promise<EveryAddress> {
    const every = new EveryAddress(endpoint, respond, new BindFaults(onFault))
    try {
      for (const address of every.#present()) await every.#bind(address)
    } catch (error) {
      await every.close()
      throw error instanceof ListenFault ? error : new ListenFault(endpoint, 'udp', error)
    }
    every.#wait()
    return every
  }

  private constructor({ address, port }: Endpoint, respond: Respond, faults: BindFaults) {
    this.#wildcard = address
    this.#port = port
    this.#respond = respond
    this.#faults = faults
  }

  /** The address that stands for all, and the port of each. */
  get address(): Endpoint {
    return { address: this.#wildcard, port: this.#port }
  }

  /** Addresses that have come and could not be bound; the wildcard's, if it can't be told which there are. */
  get unbound(): readonly ListenFault[] {
    return this.#faults.all
  }

  get counts(): UdpCounts {
    return sumOf(
      { ...this.#gone.counts },
      [...this.#bound.values()].map(({ counts }) => counts),
    )
  }

  get durations(): Pick<DurationCount, 'read'> {
    const bound = [...this.#bound.values()].map(({ durations }) => durations.read())
    return { read: () => sumOfDurations([this.#gone.durations, ...bound]) }
  }

  /** Stops answering; resolves when the ports are free. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#look
    await Promise.all([...this.#bound.keys()].map(address => this.#release(address)))
  }

  #wait(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#look = this.#follow().finally(() => this.#wait())
    }, LOOK_EVERY_MS)
  }

  /** Closes what is gone and binds what has come. What can't be done is tried again at the next look. Never rejects. */
  async #follow(): Promise<void> {
    try {
      const present = this.#present()
      this.#faults.forget(this.address)
      for (const { endpoint } of this.#faults.all)
        if (!present.has(endpoint.address)) this.#faults.forget(endpoint)
      for (const address of this.#bound.keys()) if (!present.has(address)) await this.#release(address)
      for (const address of present) {
        if (!this.#isClosed && !this.#bound.has(address)) await this.#bindLate(address)
      }
    } catch (error) {
      // No descriptor is left to ask the kernel with.
      this.#faults.note(this.address, new ListenFault(this.address, 'udp', error))
    }
  }

  async #bindLate(address: string): Promise<void> {
    const endpoint = { address, port: this.#port }
    try {
      await this.#bind(address)
      this.#faults.forget(endpoint)
    } catch (error) {
      this.#faults.note(
        endpoint,
        error instanceof ListenFault ? error : new ListenFault(endpoint, 'udp', error),
      )
    }
  }

  async #bind(address: string): Promise<void> {
    try {
      const listener = await UdpListener.listen({ address, port: this.#port }, this.#respond)
      this.#bound.set(address, listener)
      this.#port = listener.address.port
    } catch (error) {
      if (!(error instanceof ListenFault && NOT_THERE.has(error.code))) throw error
    }
  }

  async #release(address: string): Promise<void> {
    const listener = this.#bound.get(address)
    if (listener === undefined) return
    await listener.close()
    const { counts, durations } = this.#gone
    this.#gone = {
      counts: sumOf({ ...counts }, [listener.counts]),
      durations: sumOfDurations([durations, listener.durations.read()]),
    }
    this.#bound.delete(address)
  }

  /** The addresses of the family; a link-local one has its interface (fe80::1%eth0). */
  #present(): ReadonlySet<string> {
    const family = this.#wildcard.includes(':') ? 'IPv6' : 'IPv4'
    const present = new Set<string>()
    for (const [name, infos = []] of Object.entries(networkInterfaces())) {
      for (const info of infos) {
        if (info.family !== family) continue
        const isScoped = info.family === 'IPv6' && info.scopeid !== 0
        present.add(isScoped ? `${info.address}%${name}` : info.address)
      }
    }
    return present
  }
}
