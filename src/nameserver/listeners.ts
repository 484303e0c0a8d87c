import type { Endpoint } from '../endpoint.ts'
import { ListenFault } from './listen-fault.ts'
import type { Respond } from './respond.ts'
import { NO_TCP_COUNTS, TCP_LIMITS, type TcpCounts, type TcpLimits, TcpListener } from './tcp.ts'
import { NO_UDP_COUNTS, type UdpCounts, UdpListener } from './udp.ts'

/** A listen address; an optional one that can't be bound is a warning. */
export interface ListenEndpoint extends Endpoint {
  readonly optional?: boolean
}

/** How often a free TCP port is looked for whose number is free for UDP too. */
const PORT_ATTEMPTS = 16

interface Pair {
  readonly udp: UdpListener
  readonly tcp: TcpListener
}

/** The nameserver's sockets: UDP and TCP on every listen address. */
export class DnsListeners {
  /** What is bound, in the order asked for; the same port for UDP and TCP. */
  readonly addresses: readonly Endpoint[]
  /** Optional addresses that could not be bound. */
  readonly warnings: readonly ListenFault[]
  readonly #pairs: readonly Pair[]

  constructor(pairs: readonly Pair[], warnings: readonly ListenFault[]) {
    this.#pairs = pairs
    this.warnings = warnings
    this.addresses = pairs.map(pair => pair.tcp.address)
  }

  /** Counts of all sockets, added up. */
  get stats(): { readonly udp: UdpCounts; readonly tcp: TcpCounts & { open: number } } {
    const tcp = this.#pairs.map(pair => ({ ...pair.tcp.counts, open: pair.tcp.openConnections }))
    return {
      udp: sum(
        { ...NO_UDP_COUNTS },
        this.#pairs.map(pair => pair.udp.counts),
      ),
      tcp: sum({ ...NO_TCP_COUNTS, open: 0 }, tcp),
    }
  }

  /** Closes every socket; takes about half a second where TCP clients hold on. */
  async close(): Promise<void> {
    await Promise.all(this.#pairs.flatMap(({ udp, tcp }) => [udp.close(), tcp.close()]))
  }
}

/**
 * Binds UDP and TCP on every endpoint, all or none but for the optional ones. Port 0 is any port that is free for
 * both. Rejects with a ListenFault that names the address.
 */
export async function listenDns(
  endpoints: readonly ListenEndpoint[],
  respond: Respond,
  limits: TcpLimits = TCP_LIMITS,
): Promise<DnsListeners> {
  const pairs: Pair[] = []
  const warnings: ListenFault[] = []
  for (const endpoint of endpoints) {
    try {
      pairs.push(await listenPair(endpoint, respond, limits))
    } catch (error) {
      if (!(endpoint.optional && error instanceof ListenFault)) {
        await new DnsListeners(pairs, []).close()
        throw error
      }
      warnings.push(error)
    }
  }
  return new DnsListeners(pairs, warnings)
}

/** TCP chooses a free port; another program may have that one for UDP, so the next is tried. */
async function listenPair(endpoint: Endpoint, respond: Respond, limits: TcpLimits): Promise<Pair> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await TcpListener.listen(endpoint, respond, limits)
    try {
      const udp = await UdpListener.listen({ address: endpoint.address, port: tcp.address.port }, respond)
      return { udp, tcp }
    } catch (error) {
      await tcp.close()
      const isClash = endpoint.port === 0 && error instanceof ListenFault && error.code === 'EADDRINUSE'
      if (!isClash || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

function sum<Counts extends { [Key in keyof Counts]: number }>(
  zero: Counts,
  counts: readonly Counts[],
): Counts {
  const total = { ...zero }
  for (const one of counts) {
    for (const key in total) total[key] = (total[key] + one[key]) as Counts[typeof key]
  }
  return total
}
