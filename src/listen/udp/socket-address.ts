/**
 * Socket addresses as the kernel reads them, the family in the byte order of the machine (little-endian, see
 * libc.ts), the rest in that of the network:
 *
 *     sockaddr_in    0 family 2 | 2 port 2 | 4 address 4 | 8 zero 8                          16 octets
 *     sockaddr_in6   0 family 2 | 2 port 2 | 4 flow 4 | 8 address 16 | 24 scope 4            28 octets
 */

import { formatIpv4 } from '../../address/ipv4.ts'
import { formatIpv6 } from '../../address/ipv6.ts'
import { addressOctets } from '../../address/prefix.ts'
import type { Endpoint } from '../../shared/endpoint.ts'
import { putUint16, uint16, uint32 } from '../../wire/octets.ts'
import { AF_INET, AF_INET6 } from '../libc.ts'

/** Room for either. */
export const ADDRESS_ROOM = 32
export const IPV4_ADDRESS_LENGTH = 16
export const IPV6_ADDRESS_LENGTH = 28
const PORT = 2
const IPV4_OCTETS = 4
const IPV6_OCTETS = 8

/** The address of an endpoint; its length tells the family. RangeError where the text is no address. */
export function socketAddress({ address, port }: Endpoint): Uint8Array {
  const octets = addressOctets(address)
  if (octets === undefined) throw new RangeError(`${address} is no address`)
  const isIpv4 = octets.length === 4
  const written = new Uint8Array(isIpv4 ? IPV4_ADDRESS_LENGTH : IPV6_ADDRESS_LENGTH)
  written[0] = isIpv4 ? AF_INET : AF_INET6
  putUint16(written, PORT, port)
  written.set(octets, isIpv4 ? IPV4_OCTETS : IPV6_OCTETS)
  return written
}

/** The endpoint that an address is of. */
export function endpointOf(socketAddress: Uint8Array): Endpoint {
  const port = uint16(socketAddress, PORT)
  return socketAddress[0] === AF_INET
    ? { address: formatIpv4(uint32(socketAddress, IPV4_OCTETS)), port }
    : { address: formatIpv6(socketAddress.slice(IPV6_OCTETS, IPV6_OCTETS + 16)), port }
}

/** The port of the address at an offset. */
export function portAt(octets: Uint8Array, at: number): number {
  return uint16(octets, at + PORT)
}

/** Where the address's own octets begin, relative to it. */
export function addressAt(family: 4 | 6): number {
  return family === 4 ? IPV4_OCTETS : IPV6_OCTETS
}
