import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { runLines } from '../../kernel/ip-batch.ts'
import { deleteCommand, type RunIp, reasonOf, runIp } from '../../kernel/ip-command.ts'
import { listLinks } from '../../kernel/kernel-link.ts'
import { type RunNft, removeTables, runNft } from '../../kernel/nft-command.ts'
import type { Log } from '../../shared/log.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import { sharedDevice } from './shared-device.ts'
import { FILTER_TABLE } from './shared-layout-elements.ts'
import { BATCH_TUNNELS, guardedDevices, removalCommands } from './shared-layout-routes.ts'

const NO_TABLE = /No such file or directory/
/** The filters of both layouts. */
const TABLES = [`ip ${FILTER_TABLE}`, `ip6 ${FILTER_TABLE}`]
/** Devices that the log names. */
const NAMED = 10

interface Tools {
  readonly ip?: RunIp
  readonly nft?: RunNft
  readonly log: Pick<Log, 'warn'>
}

/**
 * Takes away what both layouts left: the devices first, so that nothing is let in unfiltered in between. Returns what
 * stays.
 */
export async function removeSitLeftovers(
  devicePrefix: string,
  { ip = runIp, nft = runNft, log }: Tools,
): Promise<readonly LinkFault[]> {
  const standing = await removeFormerShared(devicePrefix, { ip, log })
  if (standing !== undefined) return [{ device: NO_DEVICE, reason: standing }]
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
 * Takes away what was made with another `tunnel.device_prefix`: the rules that are put in for the new one would leave
 * devices without any, and their routes would lead there for ever. Returns why some may stay.
 */
export async function removeFormerPrefix(
  devicePrefix: string,
  { ip = runIp, nft = runNft, log }: Tools,
): Promise<string | undefined> {
  return (
    (await removeFormerShared(devicePrefix, { ip, log })) ??
    (await removeFormerDevices(devicePrefix, { ip, nft, log }))
  )
}

/** Shared devices are known by their guard, a rule of the routing policy that no other program has. */
async function removeFormerShared(
  devicePrefix: string,
  { ip, log }: Required<Omit<Tools, 'nft'>>,
): Promise<string | undefined> {
  const guarded = await guardedDevices(ip)
  const former = guarded.filter(device => device !== sharedDevice(devicePrefix))
  if (former.length === 0) return undefined
  const listing = await listLinks(ip, '')
  if (listing.kind === 'failed') return listing.reason
  for (const device of former) {
    const [removal, guard] = removalCommands(device)
    const { status, stderr } = listing.links.has(device)
      ? await ip(removal.split(' '))
      : { status: 0, stderr: '' }
    if (status !== 0) return staysOf(device, reasonOf(stderr))
    await ip(guard.split(' '))
  }
  sayRemoved(former, log)
  return undefined
}

/** Devices of the layout of one a tunnel are those that the rules name which a process before this one left. */
async function removeFormerDevices(
  devicePrefix: string,
  { ip, nft, log }: Required<Tools>,
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
  sayRemoved(
    old.filter(device => !reasons.has(device)),
    log,
  )
  const [stays] = reasons
  return stays && staysOf(...stays)
}

function staysOf(device: string, reason: string): string {
  return `${device}, which has another tunnel.device_prefix, can not be removed: ${reason}`
}

function sayRemoved(devices: readonly string[], log: Tools['log']): void {
  if (devices.length === 0) return
  const facts = { devices: devices.slice(0, NAMED), count: devices.length }
  log.warn(facts, 'devices of another tunnel.device_prefix are removed')
}

/** Whether it is a device of either layout, by its name. */
export function isSitDevice(device: string, devicePrefix: string): boolean {
  if (device === sharedDevice(devicePrefix)) return true
  return device.startsWith(devicePrefix) && /^\d+$/.test(device.slice(devicePrefix.length))
}
