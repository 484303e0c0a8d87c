import type { Converse } from '../engine/conversation.ts'
import type { Endpoint } from '../shared/endpoint.ts'
import { ListenFault } from './listen-fault.ts'
import { NO_TCP_COUNTS, TCP_LIMITS, type TcpCounts, type TcpLimits, TcpListener } from './tcp/tcp-listener.ts'
import { sumOf } from './threads/shared-counts.ts'
import type { UdpCounts } from './udp/dgram-listener.ts'
import type { UdpListeners } from './udp/udp-listeners.ts'

/** A listen address; an optional one that can't be bound is a warning. */
export interface ListenEndpoint extends Endpoint {
  readonly optional?: boolean
}

/** How often a free TCP port is looked for whose number is free for UDP too. */
const PORT_ATTEMPTS = 16

/** The nameserver's sockets: UDP and TCP on every listen address. */
export class DnsListeners {
  /** What is bound, in the order asked for; the same port for UDP and TCP. */
  readonly addresses: readonly Endpoint[]
  /** Optional addresses that could not be bound. */
  readonly warnings: readonly ListenFault[]
  readonly #udp: UdpListeners
  readonly #tcp: readonly TcpListener[]

  constructor(parts: {
    readonly udp: UdpListeners
    readonly tcp: readonly TcpListener[]
    readonly warnings: readonly ListenFault[]
  }) {
    this.#udp = parts.udp
    this.#tcp = parts.tcp
    this.warnings = parts.warnings
    this.addresses = parts.tcp.map(({ address }) => address)
  }

  /** Counts of all sockets, added up. */
  get stats(): { readonly udp: UdpCounts; readonly tcp: TcpCounts & { open: number } } {
    const tcp = this.#tcp.map(listener => ({ ...listener.counts, open: listener.openConnections }))
    return { udp: this.#udp.counts, tcp: sumOf({ ...NO_TCP_COUNTS, open: 0 }, tcp) }
  }

  /** Closes every socket; takes about half a second where TCP clients hold on. */
  async close(): Promise<void> {
    await Promise.all([this.#udp.close(), ...this.#tcp.map(listener => listener.close())])
  }
}

export interface ListenDnsOptions {
  readonly endpoints: readonly ListenEndpoint[]
  /** Answers TCP. */
  readonly respond: Converse
  /** Answers UDP; bound to nothing so far. */
  readonly udp: UdpListeners
  readonly limits?: TcpLimits
}

/**
 * Binds UDP and TCP on every endpoint, all or none but for the optional ones. Port 0 is any port that is free for
 * both. Rejects with a ListenFault that names the address.
 */
export async function listenDns(options: ListenDnsOptions): Promise<DnsListeners> {
  const tcp: TcpListener[] = []
  const warnings: ListenFault[] = []
  const listeners = () => new DnsListeners({ udp: options.udp, tcp, warnings })
  try {
    for (const endpoint of options.endpoints) {
      const bound = await listenPair(endpoint, options).catch((error: unknown) => {
        if (!(endpoint.optional && error instanceof ListenFault)) throw error
        warnings.push(error)
      })
      if (bound !== undefined) tcp.push(bound)
    }
    await options.udp.start()
  } catch (error) {
    await listeners().close()
    throw error
  }
  return listeners()
}

/** TCP chooses a free port; another program may have that one for UDP, so the next is tried. */
async function listenPair(
  endpoint: Endpoint,
  { respond, udp, limits = TCP_LIMITS }: ListenDnsOptions,
): Promise<TcpListener> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await TcpListener.listen(endpoint, respond, limits)
    try {
      await udp.bind({ address: endpoint.address, port: tcp.address.port })
      return tcp
    } catch (error) {
      await tcp.close()
      const isClash = endpoint.port === 0 && error instanceof ListenFault && error.code === 'EADDRINUSE'
      if (!isClash || attempt === PORT_ATTEMPTS) throw error
    }
  }
}
