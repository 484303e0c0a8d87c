import { type RunIp, reasonOf } from '../../kernel/ip-command.ts'
import type { Peer } from './peer.ts'

/** Marks the routes that are ours (`ip route`'s protocol); the other kind has a number of its own. */
export const PROTOCOL = '247'

/** Our routes as the kernel has them: networks with their MTU if they have one, and addresses of the server. */
export interface PeerRoutes {
  readonly networks: ReadonlyMap<string, number | undefined>
  readonly serverAddresses: ReadonlySet<string>
}

export type PeerRouteListing =
  | ({ readonly kind: 'routes' } & PeerRoutes)
  | { readonly kind: 'failed'; readonly reason: string }

export function addLines({ networks, serverAddress, mtu }: Peer, device: string): readonly string[] {
  // Without the lock the kernel takes what it forwards for as large as the device (ip-route(8)).
  const metrics = mtu === undefined ? '' : ` mtu lock ${mtu}`
  return [
    `route replace local ${serverAddress}/128 dev lo proto ${PROTOCOL}`,
    ...networks.map(network => `route replace ${network} dev ${device} proto ${PROTOCOL}${metrics}`),
  ]
}

export function removeLines({ networks, serverAddress }: Peer, device: string): readonly string[] {
  return [...networkRemovals(networks, device), addressRemoval(serverAddress)]
}

export function networkRemovals(networks: readonly string[], device: string): readonly string[] {
  return networks.map(network => networkRemoval(network, device))
}

/** What takes away those of the routes that no peer has. */
export function strayLines(routes: PeerRoutes, peers: readonly Peer[], device: string): readonly string[] {
  const networks = new Set(peers.flatMap(peer => peer.networks))
  const addresses = new Set(peers.map(({ serverAddress }) => serverAddress))
  return [
    ...networkRemovals(
      [...routes.networks.keys()].filter(network => !networks.has(network)),
      device,
    ),
    ...[...routes.serverAddresses].filter(address => !addresses.has(address)).map(addressRemoval),
  ]
}

export function isRouted({ networks, serverAddress, mtu }: Peer, routes: PeerRoutes): boolean {
  const isThere = (network: string) => routes.networks.has(network) && routes.networks.get(network) === mtu
  return networks.every(isThere) && routes.serverAddresses.has(serverAddress)
}

export async function listPeerRoutes(run: RunIp, device: string): Promise<PeerRouteListing> {
  const remote = await run(['-6', 'route', 'show', 'dev', device, 'proto', PROTOCOL])
  if (remote.status !== 0) return { kind: 'failed', reason: reasonOf(remote.stderr) }
  const local = await run(['-6', 'route', 'show', 'table', 'local', 'proto', PROTOCOL])
  if (local.status !== 0) return { kind: 'failed', reason: reasonOf(local.stderr) }
  return {
    kind: 'routes',
    networks: new Map(remote.stdout.split('\n').flatMap(networkIn)),
    serverAddresses: new Set(wordsOf(local.stdout, 1)), // `local 2001:db8:f6::1 dev lo …`
  }
}

/** Takes away the server's addresses of all peers. */
export function serverAddressFlush(): readonly string[] {
  return ['-6', 'route', 'flush', 'table', 'local', 'proto', PROTOCOL]
}

function networkRemoval(network: string, device: string): string {
  return `route del ${network} dev ${device} proto ${PROTOCOL}`
}

function addressRemoval(address: string): string {
  return `route del local ${address}/128 dev lo proto ${PROTOCOL}`
}

/** `2001:db8:f6:7::/64 metric 1024 mtu lock 1300 pref medium`. */
function networkIn(line: string): readonly (readonly [string, number | undefined])[] {
  const [network = ''] = line.split(' ')
  const mtu = / mtu (?:lock )?(\d+)/.exec(line)?.[1]
  return network === '' ? [] : [[network, mtu === undefined ? undefined : Number(mtu)]]
}

function wordsOf(text: string, at: number): readonly string[] {
  return text.split('\n').flatMap(line => line.split(' ')[at] || [])
}
