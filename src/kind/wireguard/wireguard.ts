import { problem } from '../../shared/problem.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import type { DriverContext, TunnelKind } from '../../tunnel/kind.ts'
import type { KindFields } from '../../tunnel/tunnel.ts'
import { choosePeers } from './choose-peers.ts'
import { isPublicKey } from './public-key.ts'
import { publicKeyReader } from './server-key.ts'
import { wireguardDevice } from './wireguard-device.ts'
import { removeFormerInterfaces, removeWireguardLeftovers } from './wireguard-leftovers.ts'

/** WireGuard: the client is known by its public key and heard from wherever it is, behind any NAT. */
export const WIREGUARD: TunnelKind = {
  name: 'wireguard',
  scripts: 'wireguard',
  hasEndpoint: false,
  readFields: details => {
    const publicKey = publicKeyIn(details)
    return isPublicKey(publicKey) ? ({ name: 'wireguard', publicKey } satisfies KindFields) : undefined
  },
  detailsProblem: details =>
    problem('public-key-syntax', { case: publicKeyIn(details) === undefined ? 'no-string' : 'malformed' }),
  admit: () => [],
  largestMtu: ({ wireguard }) => wireguard.mtu,
  rrsetsOf: () => [],
  openDriver: choosePeers,
  removeLeftovers: removeLeftoversOf,
}

/** The interface of a former `tunnel.device_prefix` too, as far as there is a key to know it by, and `wg` to ask. */
async function removeLeftoversOf({
  devicePrefix,
  dataDir,
  log,
}: DriverContext): Promise<readonly LinkFault[]> {
  const publicKey = publicKeyReader(dataDir)()
  if (publicKey !== '')
    await removeFormerInterfaces({ device: wireguardDevice(devicePrefix), publicKey }, { log })
  return removeWireguardLeftovers(devicePrefix)
}

function publicKeyIn(details: unknown): unknown {
  return typeof details === 'object' && details !== null && 'publicKey' in details
    ? details.publicKey
    : undefined
}
