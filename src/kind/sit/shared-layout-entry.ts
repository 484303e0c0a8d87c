import { parseIpv4 } from '../../address/ipv4.ts'
import { formatIpv6, isCanonicalIpv6, parseIpv6 } from '../../address/ipv6.ts'
import { type Prefix, parsePrefix } from '../../address/prefix.ts'
import { inTurns } from '../../shared/in-turns.ts'
import { type Link, type LinkFault, smallerMtu } from '../../tunnel/interface.ts'

/** No tunnel's: of an entry whose endpoint only the set can tell. */
export const NO_ENDPOINT = '0.0.0.0'
/** Of the 32 bits of a tunnel's prefix that count the pool's networks (AddressPool). */
const INDEX_AT = 4
const LAST_OCTET = 15

/** What the shared layout has of a tunnel: packets of this network come from, and go to, this endpoint. */
export interface Entry {
  readonly device: string
  /** Dotted quad. */
  readonly endpoint: string
  /** The upper 64 bits of its addresses, as 16 hexadecimal digits. */
  readonly network: string
  /** Bits of the network: 64 for the link, as many or fewer for a routed prefix. */
  readonly length: number
  /** RFC 5952 text; undefined for a routed prefix, in which the server has no address. */
  readonly serverAddress: string | undefined
  /** Octets of the largest packet to the client, if that is less than others have. */
  readonly mtu?: number
}

const NETWORK_OCTETS = 8
export const LINK_BITS = 64

/**
 * The link of a tunnel, and the prefix that is routed to it; undefined for a row that was edited by hand and holds no
 * addresses. Texts of the link are kept as they are, so that a whole table is not held twice.
 */
export function entriesOf(link: Link, deviceMtu = 0): readonly Entry[] | undefined {
  const { device, ipv4Client: endpoint, ipv6Server } = link
  const server = parseIpv6(ipv6Server)
  if (parseIpv4(endpoint) === undefined || server === undefined) return undefined
  const serverAddress = isCanonicalIpv6(ipv6Server, server) ? ipv6Server : formatIpv6(server)
  const mtu = smallerMtu(link, deviceMtu)
  const ends = mtu === undefined ? { device, endpoint } : { device, endpoint, mtu }
  const own = { ...ends, network: networkOf(server), length: LINK_BITS, serverAddress }
  const routed = link.routedPrefix === undefined ? undefined : parsePrefix(link.routedPrefix)
  if (routed === undefined) return [own]
  const { octets, length } = routed
  return [own, { ...ends, network: networkOf(octets), length, serverAddress: undefined }]
}

/** The upper half of a 16-octet address, as hexadecimal digits. */
export function networkOf(address: Uint8Array): string {
  return Buffer.from(address.buffer, address.byteOffset, NETWORK_OCTETS).toString('hex')
}

/** `2001:db8:f6:7::/64` for `20010db800f60007` and 64. */
export function formatNetwork({ network, length }: Pick<Entry, 'network' | 'length'>): string {
  const octets = new Uint8Array(2 * NETWORK_OCTETS)
  octets.set(Buffer.from(network, 'hex'))
  return `${formatIpv6(octets)}/${length}`
}

/** The entries of links, and a fault for each that has none. */
export async function sift(
  links: readonly Link[],
  mtu: number,
): Promise<{ readonly entries: readonly Entry[]; readonly faults: readonly LinkFault[] }> {
  const entries: Entry[] = []
  const faults: LinkFault[] = []
  await inTurns(links, link => {
    const own = entriesOf(link, mtu)
    if (own !== undefined) entries.push(...own)
    else faults.push({ device: link.device, reason: 'the row holds no proper addresses' })
  })
  return { entries, faults }
}

/** Slices of `length` entries, or one more: those of one tunnel, which follow one another, are not parted. */
export function* wholeTunnels(entries: readonly Entry[], length: number): Generator<readonly Entry[]> {
  for (let first = 0; first < entries.length; ) {
    let end = first + length
    while (end < entries.length && entries[end]?.device === entries[end - 1]?.device) end++
    yield entries.slice(first, end)
    first = end
  }
}

/** Of a tunnel that this process has not made itself: the device's name says which network it has, the set which endpoint. */
export function entryByNumber(
  device: string,
  { devicePrefix, prefix }: { readonly devicePrefix: string; readonly prefix: Prefix },
): readonly Entry[] {
  const number = device.startsWith(devicePrefix) ? device.slice(devicePrefix.length) : ''
  if (!/^\d{1,9}$/.test(number)) return []
  const address = Uint8Array.from(prefix.octets)
  const view = new DataView(address.buffer)
  view.setUint32(INDEX_AT, view.getUint32(INDEX_AT) + Number(number))
  address[LAST_OCTET] = 1
  const ends = { device, endpoint: NO_ENDPOINT }
  return [{ ...ends, network: networkOf(address), length: LINK_BITS, serverAddress: formatIpv6(address) }]
}
