import type { Endpoint } from '../shared/endpoint.ts'
import { AF_INET, AF_INET6, type Libc } from './libc.ts'
import { ListenFault } from './listen-fault.ts'
import { boundTo, systemError } from './udp/open-socket.ts'
import { socketAddress } from './udp/socket-address.ts'

/** Connections that wait to be accepted; Linux grants at most net.core.somaxconn. */
export const BACKLOG = 4096

/** A socket that listens for connections. Whoever opened it closes it. */
export interface OpenStream {
  readonly fd: number
  readonly address: Endpoint
}

/**
 * Opens a socket that listens: connections wait until somebody accepts them. Port 0 is any free one. With `isAhead` the
 * address may be one that this machine is yet to have. Throws a ListenFault.
 */
export function openStream(
  libc: Libc,
  endpoint: Endpoint,
  options: { readonly isAhead?: boolean } = {},
): OpenStream {
  const isIpv6 = endpoint.address.includes(':')
  const fd = libc.streamSocket(isIpv6 ? AF_INET6 : AF_INET)
  const fault = () => new ListenFault(endpoint, 'tcp', systemError(libc))
  if (fd < 0) throw fault()
  const wanted = socketAddress(endpoint)
  const isOpen =
    (!isIpv6 || libc.setV6Only(fd) === 0) &&
    (options.isAhead !== true || libc.setFreeBind(fd, isIpv6 ? 6 : 4) === 0) &&
    libc.setReuseAddress(fd) === 0 && // connections of a process before may still be in TIME_WAIT
    libc.bind(fd, wanted, wanted.length) === 0 &&
    libc.listen(fd, BACKLOG) === 0
  if (!isOpen) {
    const error = fault()
    libc.close(fd)
    throw error
  }
  return { fd, address: { ...boundTo(libc, fd), address: endpoint.address } }
}
