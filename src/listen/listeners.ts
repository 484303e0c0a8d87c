import type { Converse } from '../engine/conversation.ts'
import { type Durations, sumOfDurations } from '../shared/durations.ts'
import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import { AwaitedAddresses } from './awaited-addresses.ts'
import { BindFaults, type OnFault } from './bind-faults.ts'
import type { HeldSockets } from './held-sockets.ts'
import { ListenFault } from './listen-fault.ts'
import { NO_TCP_COUNTS, TCP_LIMITS, type TcpCounts, type TcpLimits, TcpListener } from './tcp/tcp-listener.ts'
import { type TlsFiles, TlsListener } from './tcp/tls-listener.ts'
import { sumOf } from './threads/shared-counts.ts'
import type { UdpCounts } from './udp/dgram-listener.ts'
import type { UdpListeners } from './udp/udp-listeners.ts'

/** A listen address; an optional one that can't be bound is a warning. */
export interface ListenEndpoint extends Endpoint {
  readonly optional?: boolean
}

/** How often a free TCP port is looked for whose number is free for UDP too. */
const PORT_ATTEMPTS = 16
/** The machine does not have the address, or is still making sure that nobody else has it (RFC 4862 5.4). */
const ABSENT = 'EADDRNOTAVAIL'

/** What all sockets have seen, added up; those of TLS are TCP. */
export interface DnsStats {
  readonly udp: UdpCounts
  readonly tcp: TcpCounts & { open: number }
  readonly durations: { readonly udp: Durations; readonly tcp: Durations }
}

/** The nameserver's sockets: UDP and TCP on every listen address. */
export class DnsListeners {
  /** Optional addresses that could not be bound. */
  readonly warnings: readonly ListenFault[]
  readonly #udp: UdpListeners
  readonly #tcp: TcpListener[]
  readonly #tls: TlsListener[]
  readonly #awaited: AwaitedAddresses
  readonly #faults: BindFaults
  readonly #boundAhead = new Set<Endpoint>()
  readonly #options: ListenDnsOptions

  constructor(
    options: ListenDnsOptions,
    parts: {
      readonly tcp: TcpListener[]
      readonly tls: TlsListener[]
      readonly warnings: readonly ListenFault[]
    },
  ) {
    this.#options = options
    this.#udp = options.udp
    this.#tcp = parts.tcp
    this.#tls = parts.tls
    this.warnings = parts.warnings
    this.#faults = new BindFaults(options.onFault)
    this.#awaited = new AwaitedAddresses(endpoint => this.#bindLate(endpoint))
  }

  /** What is bound, in the order it was; the same port for UDP and TCP. */
  get addresses(): readonly Endpoint[] {
    return this.#tcp.map(({ address }) => address)
  }

  /** Where TLS is bound, likewise. */
  get tlsAddresses(): readonly Endpoint[] {
    return this.#tls.map(({ address }) => address)
  }

  /** Addresses that this machine does not have yet: each is bound as soon as it does. */
  get pending(): readonly Endpoint[] {
    return this.#awaited.endpoints.filter(endpoint => !this.#faults.has(endpoint))
  }

  /** Addresses that this machine has by now and that can't be bound: each is tried again. */
  get unbound(): readonly ListenFault[] {
    return [...this.#faults.all, ...this.#udp.unbound]
  }

  /** Waits for these addresses. */
  await(pending: readonly Awaited[]): void {
    for (const { endpoint, isBoundAhead } of pending) if (isBoundAhead) this.#boundAhead.add(endpoint)
    this.#awaited.start(pending.map(({ endpoint }) => endpoint))
  }

  /** Counts of all sockets, added up. */
  get stats(): DnsStats {
    const streams = [...this.#tcp, ...this.#tls]
    const tcp = streams.map(listener => ({
      ...listener.counts,
      open: listener.openConnections,
    }))
    return {
      udp: this.#udp.counts,
      tcp: sumOf({ ...NO_TCP_COUNTS, open: 0 }, tcp),
      durations: {
        udp: this.#udp.durations,
        tcp: sumOfDurations(streams.map(({ durations }) => durations.read())),
      },
    }
  }

  /** Files of TLS that can't be used, a line for each address that refuses all handshakes for it. */
  get tlsTroubles(): readonly string[] {
    return this.#tls.flatMap(({ address, trouble }) =>
      trouble === undefined ? [] : [`${formatEndpoint(address)}: no TLS: ${trouble}`],
    )
  }

  /** When the first certificate of the chain ends that is shown at each address of TLS, in UTC seconds. */
  get tlsExpiries(): Readonly<Record<string, number>> {
    const known = this.#tls.flatMap(({ address, expiry }) =>
      expiry === undefined ? [] : [[formatEndpoint(address), expiry] as const],
    )
    return Object.fromEntries(known)
  }

  /** Reads certificates and keys again. Throws if they can't be used: those before stay. */
  renewTls(): void {
    for (const listener of this.#tls) listener.renew()
  }

  /** Looks for no further address, and leaves those that are bound to a successor: see `TcpListener.drain`. UDP is closed. */
  async drain(milliseconds: number): Promise<void> {
    await this.#awaited.stop()
    await this.#udp.close()
    await Promise.all([...this.#tcp, ...this.#tls].map(listener => listener.drain(milliseconds)))
  }

  /** Closes every socket; takes about half a second where TCP clients hold on. */
  async close(): Promise<void> {
    await this.#awaited.stop()
    await Promise.all([this.#udp.close(), ...[...this.#tcp, ...this.#tls].map(listener => listener.close())])
  }

  async #bindLate(endpoint: Endpoint): Promise<boolean> {
    const { respond, limits = TCP_LIMITS, sockets, onBound } = this.#options
    try {
      const bound = this.#boundAhead.has(endpoint)
        ? await TcpListener.listen(endpoint, respond, { limits, sockets })
        : await listenPair(endpoint, this.#options)
      this.#tcp.push(bound)
      this.#faults.forget(endpoint)
      onBound?.(bound.address)
      return true
    } catch (error) {
      // It is tried again; `pending` and `unbound` say so meanwhile.
      if (error instanceof ListenFault && error.code !== ABSENT) this.#faults.note(endpoint, error)
      else this.#faults.forget(endpoint)
      return false
    }
  }
}

interface Awaited {
  readonly endpoint: Endpoint
  /** UDP is bound, and will answer as soon as the address is there. */
  readonly isBoundAhead: boolean
}

export interface ListenDnsOptions {
  readonly endpoints: readonly ListenEndpoint[]
  /** Answers TCP. */
  readonly respond: Converse
  /** Answers UDP; bound to nothing so far. */
  readonly udp: UdpListeners
  readonly limits?: TcpLimits
  /** Where the sockets for connections come from; else they are the listeners' own. */
  readonly sockets?: HeldSockets | undefined
  /** Addresses for TLS, and the files that it takes. */
  readonly tls?: TlsFiles & { readonly listen: readonly Endpoint[] }
  /** Called when an address that was not there at the start is bound. */
  readonly onBound?: (address: Endpoint) => void
  /** Called when an address that has come since the start can't be bound, once for each reason. */
  readonly onFault?: OnFault
  /** Called when an address of TLS whose certificate could not be used has one. */
  readonly onCertificate?: (address: Endpoint) => void
}

/**
 * Binds UDP and TCP on every endpoint, all or none but for the optional ones and those that this machine does not have
 * yet: these are waited for, all of them if need be. Port 0 is any port that is free for both. Rejects with a ListenFault
 * that names the address.
 */
export async function listenDns(options: ListenDnsOptions): Promise<DnsListeners> {
  const tcp: TcpListener[] = []
  const warnings: ListenFault[] = []
  const absent: ListenFault[] = []
  const tls: TlsListener[] = []
  const listeners = new DnsListeners(options, { tcp, tls, warnings })
  try {
    for (const endpoint of options.endpoints) {
      const bound = await listenPair(endpoint, options).catch((error: unknown) => {
        if (!(error instanceof ListenFault)) throw error
        if (endpoint.optional) warnings.push(error)
        else if (error.code === ABSENT) absent.push(error)
        else throw error
      })
      if (bound !== undefined) tcp.push(bound)
    }
    await bindTls(options, tls)
    const [first] = absent
    // A successor that can answer nowhere takes nothing over from a process that answers.
    if (first !== undefined && tcp.length === 0 && options.sockets?.holds('tcp')) throw first
    const pending = await Promise.all(absent.map(({ endpoint }) => bindAhead(endpoint, options)))
    await options.udp.start()
    listeners.await(pending)
  } catch (error) {
    await listeners.close()
    throw error
  }
  return listeners
}

async function bindTls(
  { tls, respond, limits = TCP_LIMITS, sockets, onCertificate }: ListenDnsOptions,
  bound: TlsListener[],
): Promise<void> {
  if (tls === undefined) return
  const options = { files: tls, converse: respond, limits, sockets, onCertificate }
  for (const endpoint of tls.listen) bound.push(await TlsListener.listen(endpoint, options))
}

async function bindAhead(endpoint: Endpoint, { udp }: ListenDnsOptions): Promise<Awaited> {
  const bound = await udp.bindAhead(endpoint)
  return { endpoint: bound ?? endpoint, isBoundAhead: bound !== undefined }
}

/** TCP chooses a free port; another program may have that one for UDP, so the next is tried. */
async function listenPair(
  endpoint: Endpoint,
  { respond, udp, limits = TCP_LIMITS, sockets }: ListenDnsOptions,
): Promise<TcpListener> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await TcpListener.listen(endpoint, respond, { limits, sockets })
    try {
      await udp.bind({ address: endpoint.address, port: tcp.address.port })
      return tcp
    } catch (error) {
      await tcp.close()
      sockets?.drop('tcp', tcp.address)
      const isClash = endpoint.port === 0 && error instanceof ListenFault && error.code === 'EADDRINUSE'
      if (!isClash || attempt === PORT_ATTEMPTS) throw error
    }
  }
}
