import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { type RunIp, reasonOf, runIp } from '../../kernel/ip-command.ts'
import { fieldsOf, parseArray } from '../../kernel/ip-json.ts'
import { type RunNft, removeTables, runNft } from '../../kernel/nft-command.ts'
import type { Log } from '../../shared/log.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import { RULES_TABLE } from './packet-rules.ts'
import { serverAddressFlush } from './peer-routes.ts'
import { type RunWg, runWg } from './wg-command.ts'
import { endWireguardGo, isWireguardDevice, wireguardDevice } from './wireguard-device.ts'

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
  const kept = await removeTables(nft, [RULES_TABLE])
  return kept === undefined ? [] : [{ device: NO_DEVICE, reason: kept }]
}

/**
 * Takes away the interfaces that were made with another `tunnel.device_prefix`, which have the port that the new one needs:
 * they are known by the server's key, which no other program has. Returns why one stays.
 */
export async function removeFormerInterfaces(
  { device, publicKey }: { readonly device: string; readonly publicKey: string },
  {
    ip = runIp,
    wg = runWg,
    end = endWireguardGo,
    log,
  }: Omit<Tools, 'nft'> & { readonly wg?: RunWg; readonly log: Pick<Log, 'warn'> },
): Promise<LinkFault | undefined> {
  const keys = await wg(['show', 'all', 'public-key'])
  if (keys.kind === 'failed') return { device, reason: keys.reason }
  for (const line of keys.output.split('\n')) {
    const [former = '', key] = line.split('\t')
    if (key !== publicKey || former === device || !isWireguardDevice(former)) continue
    const reason = await removeInterface({ ip, end }, former)
    if (reason !== undefined)
      return { device: former, reason: `another tunnel.device_prefix has it: ${reason}` }
    log.warn({ device: former }, 'the WireGuard interface of another tunnel.device_prefix is removed')
  }
  return undefined
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
