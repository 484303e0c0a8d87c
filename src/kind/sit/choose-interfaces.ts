import { formatPrefix } from '../../address/prefix.ts'
import { ForeignRoutes } from '../../kernel/foreign-routes.ts'
import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { ROUTE_PROTOCOL, type RunIp, runIp } from '../../kernel/ip-command.ts'
import { Netlink } from '../../kernel/netlink.ts'
import { type RunNft, runNft } from '../../kernel/nft-command.ts'
import { readNftGeneration } from '../../kernel/nft-generation.ts'
import { openNftLibrary } from '../../kernel/nft-library.ts'
import { SourceFilter } from '../../kernel/source-filter.ts'
import { mayStand } from '../../kernel/standing-devices.ts'
import { AwaitedInterfaces } from '../../tunnel/awaited-interfaces.ts'
import type { Interfaces } from '../../tunnel/interface.ts'
import type { DriverContext } from '../../tunnel/kind.ts'
import { DryRunInterfaces } from './dry-run-interfaces.ts'
import { readElements } from './netlink-elements.ts'
import { NetlinkRoutes } from './netlink-routes.ts'
import { setRoom } from './set-room.ts'
import { sharedDevice } from './shared-device.ts'
import { SharedLayout } from './shared-layout.ts'
import { FILTER_TABLE, listElements } from './shared-layout-elements.ts'
import { filterTrouble, removeFilter } from './shared-layout-filter.ts'
import { removalCommands } from './shared-layout-routes.ts'
import { sitAvailability } from './sit-availability.ts'
import { SitInterfaces } from './sit-interfaces.ts'
import { isSitDevice, removeFormerPrefix } from './sit-leftovers.ts'
import { OwnSleeperSet, Sleepers } from './sleepers.ts'

/** What a machine is looked at with, in place of its own. */
interface Tools {
  readonly runIp?: RunIp
  readonly runNft?: RunNft
  readonly platform?: string
  readonly statusPath?: string
}

/** `driver = "sit"` was asked for and this machine can't do it; the message says why. */
class DriverFault extends Error {}

/**
 * The driver that the configuration asks for; `auto` is `sit`, and a dry run if nobody could make sit devices, or in a
 * demo. What is merely missing, or answers too late, is waited for, as the kernel may have tunnels of the process before;
 * where the table's tunnels were made by a kernel, all is.
 */
export async function chooseInterfaces(context: DriverContext, tools: Tools = {}): Promise<Interfaces> {
  const { driver, devicePrefix, serverIpv4, mtu, prefix, isDemo, hadInterfaces, log } = context
  const dryRun = () => new DryRunInterfaces({ log, serverIpv4, mtu, prefix })
  if (driver === 'dry-run') return dryRun()
  const choice = await chooseSit(context, tools)
  if ('driver' in choice) return choice.driver
  if (driver === 'sit') throw new DriverFault(`tunnel.driver = "sit": ${choice.reason}`)
  if ((choice.isBarred && !hadInterfaces) || isDemo) {
    log.warn({ reason: choice.reason }, 'dry run: no interface is really made')
    return dryRun()
  }
  return new AwaitedInterfaces({
    kind: 'sit',
    device: NO_DEVICE,
    reason: choice.reason,
    choose: () => chooseSit(context, tools),
    isAlwaysMissed: true,
    stands: () => mayStand(tools.runIp ?? runIp, device => isSitDevice(device, devicePrefix)),
    log,
  })
}

async function chooseSit(
  context: DriverContext,
  tools: Tools,
): Promise<{ readonly driver: Interfaces } | { readonly reason: string; readonly isBarred: boolean }> {
  const { devicePrefix, layout } = context
  const availability = await sitAvailability({ devicePrefix, ...tools })
  if (availability.kind !== 'available')
    return { reason: availability.reason, isBarred: availability.kind === 'barred' }
  const reason = (await layoutTrouble(context, tools.runNft ?? runNft)) ?? (await context.claimKernel())
  if (reason !== undefined) return { reason, isBarred: false }
  return { driver: layout === 'shared' ? await sharedLayout(context) : await perTunnel(context) }
}

/** The shared layout is never without its filter: where there can't be one, there is no driver. */
async function layoutTrouble(context: DriverContext, run: RunNft): Promise<string | undefined> {
  const { layout, devicePrefix, serverIpv4, mtu, prefix, routed } = context
  if (layout === 'per-tunnel') return undefined
  const reason = await filterTrouble(run, {
    device: sharedDevice(devicePrefix),
    serverIpv4,
    mtu,
    pool: formatPrefix(prefix),
    routed,
    capacity: setRoom(context),
  })
  return reason && `tunnel.layout = "shared" needs nftables: ${reason}`
}

async function sharedLayout(context: DriverContext): Promise<Interfaces> {
  const { devicePrefix, serverIpv4, mtu, prefix, routed, log } = context
  const nft = (await openNftLibrary()) ?? runNft
  const netlink = await Netlink.open()
  const routes = netlink && new NetlinkRoutes(netlink, sharedDevice(devicePrefix))
  const suspect = routes && ((networks: readonly string[]) => routes.suspect(networks))
  const foreign = new ForeignRoutes({ protocol: ROUTE_PROTOCOL, run: runIp, suspect, log })
  return new SharedLayout({
    devicePrefix,
    serverIpv4,
    mtu,
    prefix,
    routed,
    capacity: setRoom(context),
    runNft: nft,
    removeFormerPrefix: () => removeFormerPrefix(devicePrefix, { log }),
    tellForeign: networks => foreign.tell(networks),
    ...(netlink === undefined || routes === undefined
      ? {}
      : {
          routes,
          readGeneration: () => readNftGeneration(netlink),
          // One that was changed while it was read is left to nft, which begins anew.
          listElements: async set =>
            (await readElements(netlink, { table: FILTER_TABLE, set })) ?? listElements(nft, set),
        }),
  })
}

async function perTunnel(context: DriverContext): Promise<Interfaces> {
  const { devicePrefix, serverIpv4, mtu, prefix, routed, log } = context
  log.info(
    {},
    'tunnel.layout = "per-tunnel" is for 2,000 tunnels at most: each packet costs more with each device',
  )
  const netlink = await Netlink.open()
  const readGeneration = netlink && (() => readNftGeneration(netlink))
  const filter = new SourceFilter({
    devicePrefix,
    ...(readGeneration === undefined ? {} : { readGeneration }),
  })
  const foreign = new ForeignRoutes({ protocol: ROUTE_PROTOCOL, run: runIp, log })
  let mayHaveFormer = true
  let mayHaveShared = true
  return new SitInterfaces({
    devicePrefix,
    serverIpv4,
    mtu,
    prefix,
    routedPool: routed?.prefix,
    tellForeign: networks => foreign.tell(networks),
    sleepers: new Sleepers(new OwnSleeperSet(runNft, { serverIpv4, capacity: setRoom(context) })),
    sourceFilter: async () => {
      const standing = mayHaveFormer ? await removeFormerPrefix(devicePrefix, { log }) : undefined
      mayHaveFormer = standing !== undefined
      if (standing !== undefined)
        return { device: `${devicePrefix}*`, reason: `no source filter, so no tunnels: ${standing}` }
      if (mayHaveShared) mayHaveShared = !(await removeSharedLayout(sharedDevice(devicePrefix)))
      return filter.ensure()
    },
  })
}

/**
 * Takes away what the shared layout left, its device first: its filter would let nothing in. Resolves with whether that is
 * gone.
 */
async function removeSharedLayout(device: string): Promise<boolean> {
  for (const command of removalCommands(device)) await runIp(command.split(' '))
  return (await removeFilter(runNft)) === undefined
}
