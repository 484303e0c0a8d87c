import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { runLines } from '../../kernel/ip-batch.ts'
import { deleteCommand, type RunIp, reasonOf, runIp } from '../../kernel/ip-command.ts'
import { listLinks } from '../../kernel/kernel-link.ts'
import { type RunNft, removeTables, runNft } from '../../kernel/nft-command.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import { sharedDevice } from './shared-device.ts'
import { FILTER_TABLE } from './shared-layout-elements.ts'
import { BATCH_TUNNELS, removalCommands } from './shared-layout-routes.ts'

const NO_TABLE = /No such file or directory/
/** The filters of both layouts. */
const TABLES = [`ip ${FILTER_TABLE}`, `ip6 ${FILTER_TABLE}`]

/**
 * Takes away what both layouts left: the devices first, so that nothing is let in unfiltered in between. Returns what
 * stays.
 */
export async function removeSitLeftovers(
  devicePrefix: string,
  { ip = runIp, nft = runNft }: { readonly ip?: RunIp; readonly nft?: RunNft } = {},
): Promise<readonly LinkFault[]> {
  const shared = sharedDevice(devicePrefix)
  const listing = await listLinks(ip, devicePrefix)
  if (listing.kind === 'failed') return [{ device: NO_DEVICE, reason: listing.reason }]
  const ours = [...listing.links.keys()].filter(device => isSitDevice(device, devicePrefix))
  const linesOf = (device: string) => [deleteCommand(device)]
  const reasons = await runLines(ip, ours, { linesOf, batchTargets: BATCH_TUNNELS })
  if (reasons.size > 0) return Array.from(reasons, ([device, reason]) => ({ device, reason }))
  for (const command of removalCommands(shared).slice(1)) await ip(command.split(' ')) // most have nothing to remove
  const reason = await removeTables(nft, TABLES)
  return reason === undefined ? [] : [{ device: NO_DEVICE, reason }]
}

/**
 * Takes away the devices of the layout of one a tunnel that were made with another `tunnel.device_prefix`, which the rules
 * name that a process before this one left: rules for the new one would leave them without any. Returns why some may stay.
 */
export async function removeFormerPrefix(
  devicePrefix: string,
  { ip = runIp, nft = runNft }: { readonly ip?: RunIp; readonly nft?: RunNft } = {},
): Promise<string | undefined> {
  const { status, stdout, stderr } = await nft(['list', 'table', 'ip6', FILTER_TABLE])
  if (status !== 0 && !NO_TABLE.test(stderr)) return reasonOf(stderr)
  const [, former = devicePrefix] = /iifname "([^"*]+)\*"/.exec(stdout) ?? []
  if (former === devicePrefix) return undefined
  const listing = await listLinks(ip, former)
  if (listing.kind === 'failed') return listing.reason
  const old = [...listing.links.keys()].filter(device => isSitDevice(device, former))
  const linesOf = (device: string) => [deleteCommand(device)]
  const reasons = await runLines(ip, old, { linesOf, batchTargets: BATCH_TUNNELS })
  // WireGuard's interface of that prefix has the port that the new one needs.
  await ip(['link', 'delete', 'dev', `${former}wg`])
  const [stays] = reasons
  return stays && `${stays[0]}, which has another tunnel.device_prefix, can not be removed: ${stays[1]}`
}

/** Whether it is a device of either layout, by its name. */
export function isSitDevice(device: string, devicePrefix: string): boolean {
  if (device === sharedDevice(devicePrefix)) return true
  return device.startsWith(devicePrefix) && /^\d+$/.test(device.slice(devicePrefix.length))
}
