import type { Endpoint } from '../../shared/endpoint.ts'
import { AF_INET, AF_INET6, type Libc } from '../libc.ts'
import { ListenFault } from '../listen-fault.ts'
import { isWildcard } from './packet-info.ts'
import { ADDRESS_ROOM, endpointOf, socketAddress } from './socket-address.ts'

/** Takes in a burst while a thread is busy: about 20,000 queries. Without CAP_NET_ADMIN Linux grants at most net.core.rmem_max. */
export const RECEIVE_BUFFER = 8 * 1024 * 1024

/** A UDP socket that libc opened. Whoever opened it closes it. */
export interface OpenSocket {
  readonly fd: number
  readonly family: 4 | 6
  /** On all addresses of the family: which one was asked comes with each datagram. */
  readonly isWildcard: boolean
  readonly address: Endpoint
}

/**
 * Opens `count` UDP sockets on one address, among which the kernel shares out the clients. Port 0 is any free one.
 * With `isAhead` the address may be one that this machine is yet to have.
 * Throws a ListenFault, and leaves none open.
 */
export function openSockets(
  libc: Libc,
  endpoint: Endpoint,
  options: { readonly count: number; readonly patienceMs: number; readonly isAhead?: boolean },
): readonly OpenSocket[] {
  const isShared = options.count > 1
  // Sockets that share a port would share it with another process of ours too: one that does not, finds that out.
  const first = openSocket(libc, endpoint, { ...options, isShared: false })
  if (!isShared) return [first]
  libc.close(first.fd)
  const sockets: OpenSocket[] = []
  try {
    for (let i = 0; i < options.count; i++)
      sockets.push(openSocket(libc, first.address, { ...options, isShared }))
    return sockets
  } catch (error) {
    for (const { fd } of sockets) libc.close(fd)
    throw error
  }
}

function openSocket(
  libc: Libc,
  endpoint: Endpoint,
  options: { readonly isShared: boolean; readonly patienceMs: number; readonly isAhead?: boolean },
): OpenSocket {
  const isIpv6 = endpoint.address.includes(':')
  const fd = libc.socket(isIpv6 ? AF_INET6 : AF_INET)
  const fault = () => new ListenFault(endpoint, 'udp', systemError(libc))
  if (fd < 0) throw fault()
  const family = isIpv6 ? 6 : 4
  const isAll = isWildcard(endpoint.address)
  const wanted = socketAddress(endpoint)
  const isOpen =
    (!isIpv6 || libc.setV6Only(fd) === 0) && // [::] and 0.0.0.0 can stand side by side
    (!options.isShared || libc.setReusePort(fd) === 0) &&
    (options.isAhead !== true || libc.setFreeBind(fd, family) === 0) &&
    (!isAll || libc.setPacketInfo(fd, family) === 0) &&
    libc.setReceiveTimeout(fd, options.patienceMs) === 0 &&
    libc.bind(fd, wanted, wanted.length) === 0
  if (!isOpen) {
    const error = fault()
    libc.close(fd)
    throw error
  }
  libc.setReceiveBuffer(fd, RECEIVE_BUFFER) // the system's own size serves as well, but for bursts
  const address = { ...boundTo(libc, fd), address: endpoint.address }
  return { fd, family, isWildcard: isAll, address }
}

/** Where a socket is bound. */
export function boundTo(libc: Libc, fd: number): Endpoint {
  const bound = new Uint8Array(ADDRESS_ROOM)
  libc.getsockname(fd, bound, Uint32Array.of(bound.length))
  return endpointOf(bound)
}

/** The error of the last call, named as Node names it. */
export function systemError(libc: Libc): Error {
  const code = libc.errorName(libc.errno())
  return Object.assign(new Error(code), { code })
}
