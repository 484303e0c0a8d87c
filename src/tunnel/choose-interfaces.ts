import type { Prefix } from '../address/prefix.ts'
import type { Log } from '../log.ts'
import { DryRunInterfaces } from './dry-run-interfaces.ts'
import type { Interfaces } from './interface.ts'
import { sitAvailability } from './sit-availability.ts'
import { SitInterfaces } from './sit-interfaces.ts'
import { installSourceFilter } from './source-filter.ts'

/** The [tunnel] table of the configuration, as far as the interfaces need it. */
export interface InterfaceChoice {
  readonly driver: 'sit' | 'dry-run' | 'auto'
  readonly device_prefix: string
  readonly server_ipv4: string
  readonly mtu: number
  readonly prefix: Prefix
}

/** `driver = "sit"` where the kernel or the rights are missing. */
export class SitUnavailableFault extends Error {
  readonly code = 'sit-unavailable'

  constructor(reason: string) {
    super(`tunnel.driver = "sit" can not be had: ${reason}`)
    this.name = 'SitUnavailableFault'
  }
}

/**
 * The interfaces that the configuration asks for; 'auto' is sit where the kernel and the rights are there, else
 * dry-run, with the reason in the log. Throws SitUnavailableFault where sit was asked for by name.
 */
export async function chooseInterfaces(choice: InterfaceChoice, log: Log): Promise<Interfaces> {
  const { driver, device_prefix: devicePrefix, server_ipv4: serverIpv4, mtu, prefix } = choice
  if (driver === 'dry-run') return new DryRunInterfaces({ log, serverIpv4, mtu, prefix })
  const availability = await sitAvailability({ devicePrefix })
  if (availability.kind === 'available') {
    const sourceFilter = () => installSourceFilter(devicePrefix)
    return new SitInterfaces({ devicePrefix, serverIpv4, mtu, prefix, sourceFilter })
  }
  if (driver === 'sit') throw new SitUnavailableFault(availability.reason)
  log.warn({ reason: availability.reason }, 'no sit interfaces here: dry run, no tunnel will carry packets')
  return new DryRunInterfaces({ log, serverIpv4, mtu, prefix })
}
