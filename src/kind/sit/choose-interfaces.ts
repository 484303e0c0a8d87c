import type { Prefix } from '../../address/prefix.ts'
import { runIp } from '../../kernel/ip-command.ts'
import { runNft } from '../../kernel/nft-command.ts'
import { installSourceFilter } from '../../kernel/source-filter.ts'
import type { Log } from '../../shared/log.ts'
import type { Interfaces } from '../../tunnel/interface.ts'
import { DryRunInterfaces } from './dry-run-interfaces.ts'
import { SharedLayout, sharedDevice } from './shared-layout.ts'
import { filterTrouble, removeFilter } from './shared-layout-filter.ts'
import { removalCommands } from './shared-layout-routes.ts'
import { sitAvailability } from './sit-availability.ts'
import { SitInterfaces } from './sit-interfaces.ts'

/** `driver = "sit"` was asked for and this machine can't do it; the message says why. */
class DriverFault extends Error {}

interface Choice {
  readonly driver: 'sit' | 'dry-run' | 'auto'
  readonly layout: 'shared' | 'per-tunnel'
  readonly device_prefix: string
  readonly server_ipv4: string
  readonly mtu: number
  readonly prefix: Prefix
  readonly max_tunnels: number
}

/** Room in the set for elements that are about to be replaced. */
const SPARE_ELEMENTS = 1000

/** The driver that the configuration asks for; `auto` is `sit` where the kernel and the rights are there. */
export async function chooseInterfaces(options: Choice, log: Log): Promise<Interfaces> {
  const { driver, device_prefix: devicePrefix, server_ipv4: serverIpv4, mtu, prefix } = options
  const dryRun = () => new DryRunInterfaces({ log, serverIpv4, mtu, prefix })
  if (driver === 'dry-run') return dryRun()
  const availability = await sitAvailability({ devicePrefix })
  const reason = availability.kind === 'available' ? await layoutTrouble(options) : availability.reason
  if (reason === undefined)
    return options.layout === 'shared' ? sharedLayout(options) : perTunnel(options, log)
  if (driver === 'sit') throw new DriverFault(`tunnel.driver = "sit": ${reason}`)
  log.warn({ reason }, 'dry run: no interface is really made')
  return dryRun()
}

/** The shared layout is never without its filter: where there can't be one, there is no driver. */
async function layoutTrouble(options: Choice): Promise<string | undefined> {
  if (options.layout === 'per-tunnel') return undefined
  const reason = await filterTrouble(runNft, {
    device: sharedDevice(options.device_prefix),
    serverIpv4: options.server_ipv4,
    mtu: options.mtu,
    capacity: options.max_tunnels + SPARE_ELEMENTS,
  })
  return reason && `tunnel.layout = "shared" needs nftables: ${reason}`
}

function sharedLayout(options: Choice): Interfaces {
  return new SharedLayout({
    devicePrefix: options.device_prefix,
    serverIpv4: options.server_ipv4,
    mtu: options.mtu,
    prefix: options.prefix,
    capacity: options.max_tunnels + SPARE_ELEMENTS,
  })
}

function perTunnel(options: Choice, log: Log): Interfaces {
  const { device_prefix: devicePrefix, server_ipv4: serverIpv4, mtu, prefix } = options
  log.info(
    {},
    'tunnel.layout = "per-tunnel" is for 2,000 tunnels at most: each packet costs more with each device',
  )
  return new SitInterfaces({
    devicePrefix,
    serverIpv4,
    mtu,
    prefix,
    sourceFilter: async () => {
      await removeSharedLayout(sharedDevice(devicePrefix))
      return installSourceFilter({ devicePrefix })
    },
  })
}

/** Takes away what the shared layout left: its filter would let nothing in. */
async function removeSharedLayout(device: string): Promise<void> {
  await removeFilter(runNft)
  for (const command of removalCommands(device)) await runIp(command.split(' '))
}
