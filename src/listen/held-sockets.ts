import { type Endpoint, formatEndpoint } from '../shared/endpoint.ts'
import type { Libc } from './libc.ts'
import { ListenFault } from './listen-fault.ts'
import { type OpenStream, openStream } from './open-stream.ts'
import { boundTo, type OpenSocket, openSockets, RECEIVE_BUFFER } from './udp/open-socket.ts'
import { isWildcard } from './udp/packet-info.ts'
import { socketAddress } from './udp/socket-address.ts'

/** What a socket is for. A service manager does not say for what it has opened one that takes connections. */
export type SocketRole = 'udp' | 'tcp' | 'tls' | 'web'

/** A socket that another process has opened for this one. */
export interface PassedSocket {
  readonly fd: number
  readonly role: SocketRole | 'stream'
  /** The endpoint that it was opened for, which may have port 0; undefined: the one that it is bound to. */
  readonly asked: string | undefined
  /** What the other process calls it, for messages. */
  readonly name: string
}

interface Held extends PassedSocket {
  readonly asked: string
  readonly bound: Endpoint
  isTaken: boolean
}

export interface UdpWishes {
  /** Sockets of an address, if none is there yet. */
  readonly count: number
  /** How long a quiet reader waits, in milliseconds, before it looks whether it should stop. */
  readonly patienceMs: number
  readonly isAhead: boolean
}

/** About 80,000 queries, where the system grants it. */
const WIDE_BUFFER = 32 * 1024 * 1024

/** The machine does not have the address yet. */
const ABSENT = 'EADDRNOTAVAIL'
/** A socket has the port, there or on all addresses. */
const TAKEN = 'EADDRINUSE'

/**
 * All sockets that this process listens on, below those who answer: opened by it, by the service manager, or by the
 * process before. They outlive whoever reads them, so that queries and connections wait in them while a table is loaded
 * or a successor takes over.
 *
 *     service manager, or the process before ──▶ passed ─┐
 *     holdAhead, before the table is loaded ─────────────┼─▶ held ──udp, stream──▶ answering threads, servers
 *     an address that has just come ─────────────────────┘
 */
export class HeldSockets {
  readonly #libc: Libc
  readonly #held: Held[]
  /** Endpoints that were opened before this machine had their address. */
  readonly #ahead: Endpoint[] = []

  constructor(libc: Libc, passed: readonly PassedSocket[] = []) {
    this.#libc = libc
    this.#held = passed.map(socket => {
      const bound = boundTo(libc, socket.fd)
      return { ...socket, bound, asked: socket.asked ?? formatEndpoint(bound), isTaken: false }
    })
  }

  /**
   * Opens what is not there yet and has a port of its own. An address that the machine does not have is left to be
   * waited for. Throws a ListenFault for any other reason.
   */
  holdAhead(wanted: {
    readonly dns: readonly (Endpoint & { readonly optional?: boolean })[]
    readonly tls: readonly Endpoint[]
    readonly web: Endpoint
    readonly udp: UdpWishes
  }): void {
    for (const endpoint of wanted.dns) {
      this.#openAhead(endpoint, () => {
        if (this.#find('tcp', endpoint) === undefined) this.#openStream('tcp', endpoint)
        if (this.#find('udp', endpoint) === undefined) this.#openUdp(endpoint, wanted.udp)
      })
    }
    for (const endpoint of wanted.tls) this.#streamAhead('tls', endpoint)
    this.#streamAhead('web', wanted.web)
  }

  /** The sockets for datagrams of an endpoint, as many as there are or as are wanted. Throws a ListenFault. */
  udp(endpoint: Endpoint, wishes: UdpWishes): readonly OpenSocket[] {
    if (this.#find('udp', endpoint) === undefined) this.#openUdp(endpoint, wishes)
    const first = this.#find('udp', endpoint)
    const group = this.#held.filter(
      one => !one.isTaken && one.role === 'udp' && one.asked === first?.asked && isSame(one, first),
    )
    return group.map(held => {
      held.isTaken = true
      this.#suit(held.fd, endpoint, wishes)
      return {
        fd: held.fd,
        family: endpoint.address.includes(':') ? 6 : 4,
        isWildcard: isWildcard(endpoint.address),
        address: { address: endpoint.address, port: held.bound.port },
      }
    })
  }

  /** A descriptor of the socket for connections of an endpoint, for the caller to close. Throws a ListenFault. */
  stream(role: 'tcp' | 'tls' | 'web', endpoint: Endpoint): number {
    const held = this.#find(role, endpoint) ?? this.#openStream(role, endpoint)
    const fd = this.#libc.duplicate(held.fd)
    if (fd < 0) throw new ListenFault(endpoint, 'tcp', new Error('no descriptor is left'))
    held.isTaken = true
    return fd
  }

  /** Passed sockets that no listen address asks for: whoever opened them and this configuration disagree. */
  unwanted(wanted: {
    readonly dns: readonly Endpoint[]
    readonly tls: readonly Endpoint[]
    readonly web: Endpoint
  }): readonly string[] {
    const of = (role: SocketRole, endpoints: readonly Endpoint[]) =>
      endpoints.flatMap(endpoint => this.#held.filter(held => isFor(held, role, endpoint)))
    const known = new Set([
      ...of('udp', wanted.dns),
      ...of('tcp', wanted.dns),
      ...of('tls', wanted.tls),
      ...of('web', [wanted.web]),
    ])
    return this.#held.filter(held => !known.has(held)).map(describe)
  }

  /** Endpoints of the web and of TLS whose address this machine does not have yet: each is heard as soon as it does. */
  get absent(): readonly Endpoint[] {
    return this.#ahead.filter(endpoint => !this.#isHere(endpoint))
  }

  /** Whether there is a socket of a role, for whatever address. */
  holds(role: SocketRole): boolean {
    return this.#held.some(held => held.role === role)
  }

  /** What a successor is given: descriptors, and what each is for. */
  get handed(): readonly PassedSocket[] {
    return this.#held.map(({ fd, role, asked, name }) => ({ fd, role, asked, name }))
  }

  /** Closes a socket that was taken and is of no use after all. */
  drop(role: SocketRole, address: Endpoint): void {
    const at = this.#held.findIndex(held => held.role === role && isAt(held.bound, address))
    for (const { fd } of at === -1 ? [] : this.#held.splice(at, 1)) this.#libc.close(fd)
  }

  /** Makes room for what comes while two processes share the cores, and the code of one is still to be compiled. */
  widen(): void {
    this.#setReceiveBuffers(WIDE_BUFFER)
  }

  /** As much room as is good at other times: what waits longer is answered too late. */
  narrow(): void {
    this.#setReceiveBuffers(RECEIVE_BUFFER)
  }

  #setReceiveBuffers(octets: number): void {
    for (const { fd, role } of this.#held) if (role === 'udp') this.#libc.setReceiveBuffer(fd, octets)
  }

  /** They may be taken once more: whoever had them has ended. */
  giveBack(): void {
    for (const held of this.#held) held.isTaken = false
  }

  closeUntaken(): void {
    for (const held of this.#held.filter(({ isTaken }) => !isTaken)) {
      this.#libc.close(held.fd)
      this.#held.splice(this.#held.indexOf(held), 1)
    }
  }

  close(): void {
    for (const { fd } of this.#held.splice(0)) this.#libc.close(fd)
  }

  #find(role: SocketRole, endpoint: Endpoint): Held | undefined {
    return this.#held.find(held => !held.isTaken && isFor(held, role, endpoint))
  }

  #streamAhead(role: 'tls' | 'web', endpoint: Endpoint): void {
    this.#openAhead(endpoint, () => {
      if (this.#find(role, endpoint) === undefined) this.#openStream(role, endpoint)
    })
  }

  #openAhead(endpoint: Endpoint & { readonly optional?: boolean }, open: () => void): void {
    if (endpoint.port === 0) return // nobody can ask there yet
    try {
      open()
    } catch (error) {
      if (!(error instanceof ListenFault)) throw error
      if (error.code !== ABSENT && endpoint.optional !== true) throw error
    }
  }

  #openStream(role: SocketRole, endpoint: Endpoint): Held {
    const { fd, address } = this.#opened('tcp', endpoint, () => this.#stream(role, endpoint))
    return this.#hold({ fd, role, endpoint, bound: address })
  }

  /** For want of an address of the web or of TLS nobody shall go without names: who waits for those of DNS has others. */
  #stream(role: SocketRole, endpoint: Endpoint): OpenStream {
    try {
      return openStream(this.#libc, endpoint)
    } catch (error) {
      if (!(error instanceof ListenFault) || error.code !== ABSENT || role === 'tcp') throw error
      const stream = openStream(this.#libc, endpoint, { isAhead: true })
      this.#ahead.push(endpoint)
      return stream
    }
  }

  /** What `open` opens; its fault names the socket of ours that is in the way, if one is. */
  #opened<Opened>(transport: 'udp' | 'tcp', endpoint: Endpoint, open: () => Opened): Opened {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof ListenFault) || error.code !== TAKEN) throw error
      const own = this.#held.find(
        ({ role, bound }) => (role === 'udp') === (transport === 'udp') && isInTheWay(bound, endpoint),
      )
      throw new ListenFault(endpoint, transport, error.cause, { occupant: own?.bound })
    }
  }

  #isHere({ address }: Endpoint): boolean {
    try {
      this.#libc.close(openStream(this.#libc, { address, port: 0 }).fd)
      return true
    } catch {
      return false
    }
  }

  #openUdp(endpoint: Endpoint, wishes: UdpWishes): void {
    for (const { fd, address } of this.#opened('udp', endpoint, () =>
      openSockets(this.#libc, endpoint, wishes),
    ))
      this.#hold({ fd, role: 'udp', endpoint, bound: address })
  }

  #hold({
    fd,
    role,
    endpoint,
    bound,
  }: {
    readonly fd: number
    readonly role: SocketRole
    readonly endpoint: Endpoint
    readonly bound: Endpoint
  }): Held {
    const held = { fd, role, asked: formatEndpoint(endpoint), bound, name: role, isTaken: false }
    this.#held.push(held)
    return held
  }

  /** One that another process has opened is as ours would be. */
  #suit(fd: number, { address }: Endpoint, { patienceMs }: UdpWishes): void {
    this.#libc.setBlocking(fd)
    this.#libc.setReceiveTimeout(fd, patienceMs)
    if (isWildcard(address)) this.#libc.setPacketInfo(fd, address.includes(':') ? 6 : 4)
  }
}

/** Whether two sockets can't have these endpoints at once. */
function isInTheWay(bound: Endpoint, wanted: Endpoint): boolean {
  const isOfFamily = bound.address.includes(':') === wanted.address.includes(':')
  const isForAll = isWildcard(bound.address) || isWildcard(wanted.address)
  return isAt(bound, wanted) || (isForAll && isOfFamily && bound.port === wanted.port)
}

function isFor(held: Held, role: SocketRole, endpoint: Endpoint): boolean {
  const isOfRole = held.role === role || (held.role === 'stream' && role !== 'udp')
  return isOfRole && (held.asked === formatEndpoint(endpoint) || isAt(held.bound, endpoint))
}

/** `::1` and `0:0:0:0:0:0:0:1` are one address. */
function isAt(bound: Endpoint, endpoint: Endpoint): boolean {
  return Buffer.compare(socketAddress(bound), socketAddress(endpoint)) === 0
}

function isSame(one: Held, other: Held | undefined): boolean {
  return other !== undefined && isAt(one.bound, other.bound)
}

function describe({ role, bound, name }: Held): string {
  return `${role === 'udp' ? 'UDP' : 'TCP'} ${formatEndpoint(bound)}${name === '' ? '' : ` (${name})`}`
}
