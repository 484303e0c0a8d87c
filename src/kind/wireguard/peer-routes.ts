import { type RunIp, reasonOf } from '../../kernel/ip-command.ts'
import type { Peer } from './peer.ts'

/** Marks the routes that are ours (`ip route`'s protocol); the other kind has a number of its own. */
const PROTOCOL = '247'

/** Our routes as the kernel has them: networks, and addresses of the server. */
export interface PeerRoutes {
  readonly networks: ReadonlySet<string>
  readonly serverAddresses: ReadonlySet<string>
}

export type PeerRouteListing =
  | ({ readonly kind: 'routes' } & PeerRoutes)
  | { readonly kind: 'failed'; readonly reason: string }

export function addLines({ networks, serverAddress }: Peer, device: string): readonly string[] {
  return [
    `route replace local ${serverAddress}/128 dev lo proto ${PROTOCOL}`,
    ...networks.map(network => `route replace ${network} dev ${device} proto ${PROTOCOL}`),
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
      [...routes.networks].filter(network => !networks.has(network)),
      device,
    ),
    ...[...routes.serverAddresses].filter(address => !addresses.has(address)).map(addressRemoval),
  ]
}

export function isRouted({ networks, serverAddress }: Peer, routes: PeerRoutes): boolean {
  return networks.every(network => routes.networks.has(network)) && routes.serverAddresses.has(serverAddress)
}

export async function listPeerRoutes(run: RunIp, device: string): Promise<PeerRouteListing> {
  const remote = await run(['-6', 'route', 'show', 'dev', device, 'proto', PROTOCOL])
  if (remote.status !== 0) return { kind: 'failed', reason: reasonOf(remote.stderr) }
  const local = await run(['-6', 'route', 'show', 'table', 'local', 'proto', PROTOCOL])
  if (local.status !== 0) return { kind: 'failed', reason: reasonOf(local.stderr) }
  return {
    kind: 'routes',
    networks: new Set(wordsOf(remote.stdout, 0)),
    serverAddresses: new Set(wordsOf(local.stdout, 1)), // `local 2001:db8:f6::1 dev lo …`
  }
}

function networkRemoval(network: string, device: string): string {
  return `route del ${network} dev ${device} proto ${PROTOCOL}`
}

function addressRemoval(address: string): string {
  return `route del local ${address}/128 dev lo proto ${PROTOCOL}`
}

function wordsOf(text: string, at: number): readonly string[] {
  return text.split('\n').flatMap(line => line.split(' ')[at] || [])
}
