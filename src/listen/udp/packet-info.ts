/**
 * The control message by which the kernel says which of our addresses a datagram was sent to, and is told which one the
 * reply leaves from (ip(7) IP_PKTINFO, RFC 3542 6.1). Sockets on 0.0.0.0 and [::] have one for each datagram:
 *
 *     cmsghdr        0 length 8 | 8 level 4 | 12 type 4                             16 octets, then for IPv4
 *     in_pktinfo     16 interface 4 | 20 local address 4 | 24 destination 4         and for IPv6
 *     in6_pktinfo    16 address 16 | 32 interface 4
 */
import { octet } from '../../wire/octets.ts'

/** Room for either. */
export const CONTROL_ROOM = 64

const IPV4_INTERFACE = 16
const IPV6_ADDRESS = 16
const IPV6_INTERFACE = 32
const INTERFACE_LENGTH = 4

/**
 * Makes the control message at an offset, as it came with a datagram, one for its reply: from the address that was
 * asked, by whichever way the routes say. A link-local address alone belongs to its interface.
 */
export function turnAround(octets: Uint8Array, at: number, family: 4 | 6): void {
  if (family === 6 && isLinkLocal(octets, at + IPV6_ADDRESS)) return
  const from = at + (family === 4 ? IPV4_INTERFACE : IPV6_INTERFACE)
  for (let i = 0; i < INTERFACE_LENGTH; i++) octets[from + i] = 0
}

/** fe80::/10 (RFC 4291 2.5.6). */
function isLinkLocal(octets: Uint8Array, at: number): boolean {
  return octet(octets, at) === 0xfe && (octet(octets, at + 1) & 0xc0) === 0x80
}

/** Is this the address that stands for all of a family? */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || /^[0:]+$/.test(address)
}
