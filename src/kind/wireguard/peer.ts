import { formatIpv6, parseIpv6 } from '../../address/ipv6.ts'
import { type Link, smallerMtu } from '../../tunnel/interface.ts'
import { isPublicKey } from './public-key.ts'

/** A tunnel as WireGuard has it: who holds this key may send from, and is sent to, these networks. */
export interface Peer {
  /** The tunnel's name of a device, which is no device here. */
  readonly device: string
  readonly publicKey: string
  /** `2001:db8:f6:7::/64`, and the prefix that is routed to it beside. */
  readonly networks: readonly string[]
  /** RFC 5952 text. */
  readonly serverAddress: string
  /** Octets of the largest packet to the client, if that is less than others have. */
  readonly mtu?: number
}

/** What the kernel or wireguard-go knows of a peer. */
export interface PeerState {
  /** Networks of its source filter, joined by commas. */
  readonly allowedIps: string
  /** `192.0.2.7:51820`, as last heard; undefined: never. */
  readonly endpoint: string | undefined
  /** UTC seconds; 0: never. */
  readonly lastHandshake: number
  /** Octets. */
  readonly received: number
  readonly sent: number
}

const LINK_OCTETS = 8
/** Columns of a peer's line in `wg show … dump` (wg(8)). */
const DUMP_COLUMNS = 8

/** Reads a link; undefined for a row that was edited by hand and holds no key or no address. */
export function peerOf(link: Link, deviceMtu: number): Peer | undefined {
  const server = parseIpv6(link.ipv6Server)
  if (server === undefined || !isPublicKey(link.publicKey)) return undefined
  const mtu = smallerMtu(link, deviceMtu)
  const network = Uint8Array.from(server).fill(0, LINK_OCTETS)
  return {
    device: link.device,
    publicKey: link.publicKey,
    networks: [`${formatIpv6(network)}/64`, ...(link.routedPrefix === undefined ? [] : [link.routedPrefix])],
    serverAddress: formatIpv6(server),
    ...(mtu === undefined ? {} : { mtu }),
  }
}

/** Arguments of `wg set` that make a peer, or give one its networks. The source filter is AllowedIPs itself. */
export function peerArguments({ publicKey, networks }: Peer): readonly string[] {
  return ['peer', publicKey, 'allowed-ips', networks.join(',')]
}

export function removalArguments(publicKey: string): readonly string[] {
  return ['peer', publicKey, 'remove']
}

/** The whole configuration for `wg syncconf`, which keeps the sessions of peers that stay. */
export function configuration(
  peers: Iterable<Pick<Peer, 'publicKey' | 'networks'>>,
  { privateKey, port }: { readonly privateKey: string; readonly port: number },
): string {
  const lines = ['[Interface]', `PrivateKey = ${privateKey}`, `ListenPort = ${port}`]
  for (const { publicKey, networks } of peers) {
    lines.push('[Peer]', `PublicKey = ${publicKey}`)
    if (networks.length > 0) lines.push(`AllowedIPs = ${networks.join(', ')}`)
  }
  return `${lines.join('\n')}\n`
}

/** Whether a peer's source filter is what it should be; the kernel has the networks in an order of its own. */
export function isFiltered({ networks }: Peer, state: PeerState | undefined): boolean {
  if (state?.allowedIps === networks.join()) return true
  return state?.allowedIps.split(',').sort().join() === [...networks].sort().join()
}

/** Reads `wg show DEVICE dump`: the first line is the interface's own. By public key. */
export function readDump(text: string): ReadonlyMap<string, PeerState> {
  const peers = new Map<string, PeerState>()
  for (const line of text.split('\n').slice(1)) {
    const columns = line.split('\t')
    const [publicKey = '', , endpoint = '', allowedIps = '', handshake, received, sent] = columns
    if (columns.length !== DUMP_COLUMNS) continue
    peers.set(publicKey, {
      allowedIps,
      endpoint: endpoint === '(none)' ? undefined : endpoint,
      lastHandshake: Number(handshake),
      received: Number(received),
      sent: Number(sent),
    })
  }
  return peers
}
