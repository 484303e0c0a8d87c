import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { type RunIp, reasonOf, runIp } from '../../kernel/ip-command.ts'
import { fieldsOf, parseArray } from '../../kernel/ip-json.ts'
import { type RunNft, removeTables, runNft } from '../../kernel/nft-command.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import { CLAMP_TABLE } from './clamp.ts'
import { serverAddressFlush } from './peer-routes.ts'
import { endWireguardGo, wireguardDevice } from './wireguard-device.ts'

interface Tools {
  readonly ip?: RunIp
  readonly nft?: RunNft
  /** Ends the process that carries an interface, if one does. */
  readonly end?: (device: string) => void
}

/** Takes away the interface of all peers, whichever program carries it, and what belongs to it. Returns what stays. */
export async function removeWireguardLeftovers(
  devicePrefix: string,
  { ip = runIp, nft = runNft, end = endWireguardGo }: Tools = {},
): Promise<readonly LinkFault[]> {
  const device = wireguardDevice(devicePrefix)
  const reason = await removeInterface({ ip, end }, device)
  if (reason !== undefined) return [{ device, reason }]
  await ip(serverAddressFlush())
  const kept = await removeTables(nft, [CLAMP_TABLE])
  return kept === undefined ? [] : [{ device: NO_DEVICE, reason: kept }]
}

/** One of another kind that has its name is somebody else's. */
async function removeInterface(
  { ip, end }: Required<Pick<Tools, 'ip' | 'end'>>,
  device: string,
): Promise<string | undefined> {
  const { status, stdout, stderr } = await ip(['-json', 'link', 'show', 'type', 'wireguard'])
  if (status !== 0) return reasonOf(stderr)
  const isOfKernel = (parseArray(stdout) ?? []).some(link => fieldsOf(link).ifname === device)
  if (!isOfKernel) {
    end(device)
    return undefined
  }
  const removal = await ip(['link', 'delete', 'dev', device])
  return removal.status === 0 ? undefined : reasonOf(removal.stderr)
}
