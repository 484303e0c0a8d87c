import { installSourceFilter } from '../../kernel/source-filter.ts'
import type { Interfaces } from '../../tunnel/interface.ts'
import type { DriverContext } from '../../tunnel/kind.ts'
import { DryRunInterfaces } from './dry-run-interfaces.ts'
import { sitAvailability } from './sit-availability.ts'
import { SitInterfaces } from './sit-interfaces.ts'

/** `driver = "sit"` was asked for and this machine can't do it; the message says why. */
class DriverFault extends Error {}

/** The driver that the configuration asks for; `auto` is `sit` where the kernel and the rights are there. */
export async function chooseInterfaces(context: DriverContext): Promise<Interfaces> {
  const { driver, devicePrefix, serverIpv4, mtu, prefix, log } = context
  const dryRun = () => new DryRunInterfaces({ log, serverIpv4, mtu, prefix })
  if (driver === 'dry-run') return dryRun()
  const availability = await sitAvailability({ devicePrefix })
  if (availability.kind === 'available') {
    return new SitInterfaces({
      devicePrefix,
      serverIpv4,
      mtu,
      prefix,
      sourceFilter: () => installSourceFilter({ devicePrefix }),
    })
  }
  if (driver === 'sit') throw new DriverFault(`tunnel.driver = "sit": ${availability.reason}`)
  log.warn({ reason: availability.reason }, 'dry run: no interface is really made')
  return dryRun()
}
