import type { Config } from './config/config.ts'
import type { FormerTunnels } from './former-tunnels.ts'
import { KernelClaim } from './kernel/kernel-claim.ts'
import { SIT } from './kind/sit/sit.ts'
import { WIREGUARD } from './kind/wireguard/wireguard.ts'
import { Drivers } from './lifecycle/drivers.ts'
import type { KindName } from './shared/kind-name.ts'
import type { Interfaces } from './tunnel/interface.ts'
import { type DriverContext, Kinds, type TunnelKind } from './tunnel/kind.ts'
import { NoInterfaces } from './tunnel/no-interfaces.ts'
import type { RoutedRange } from './tunnel/routed-pool.ts'

/** A further kind is added here, under its name in KIND_NAMES: neither compiles without the other. */
const { sit: first, ...others } = { sit: SIT, wireguard: WIREGUARD } satisfies Readonly<
  Record<KindName, TunnelKind>
>

/** The kinds of tunnel that are served. */
export const KINDS = new Kinds(first, ...Object.values(others))

/** Where the first kind is a dry run, because this process may do no better, all are: one word for the whole service. */
export async function openDrivers(
  { tunnel, data_dir: dataDir, demo: isDemo }: Config,
  kinds: Kinds,
  {
    hadInterfaces,
    wasHere,
    former,
    log,
  }: Pick<DriverContext, 'hadInterfaces' | 'log'> & {
    /** A kernel has made them from this data_dir: it is the service, and not a trial on a copy. */
    readonly wasHere: boolean
    readonly former: Pick<FormerTunnels, 'refusal'>
  },
): Promise<Drivers> {
  const claim = new KernelClaim({ isPatient: hadInterfaces && wasHere })
  const context = {
    layout: tunnel.layout,
    devicePrefix: tunnel.device_prefix,
    serverIpv4: tunnel.server_ipv4,
    mtu: tunnel.mtu,
    prefix: tunnel.prefix,
    routed: routedRange(tunnel),
    dataDir,
    wireguard: tunnel.wireguard,
    isDemo,
    hadInterfaces,
    claimKernel: async () => {
      const other = await claim.take()
      if (other !== undefined) return other
      const refusal = await former.refusal()
      if (refusal !== undefined) claim.giveBack() // to whoever comes with their table
      return refusal
    },
    log,
  }
  let { driver } = tunnel
  const drivers = new Map<string, Interfaces>()
  const opened = new Drivers(drivers, () => claim.release())
  try {
    for (const kind of kinds.all.filter(({ name }) => isOffered(name, tunnel))) {
      const driverOfKind = await kind.openDriver({ ...context, driver })
      drivers.set(kind.name, driverOfKind)
      if (driver === 'auto' && driverOfKind.kind === 'dry-run') driver = 'dry-run'
    }
  } catch (error) {
    opened.close()
    throw error
  }
  for (const kind of kinds.all) {
    if (!drivers.has(kind.name)) drivers.set(kind.name, notOffered(kind, { ...context, driver }))
  }
  return opened
}

/** A dry run takes nothing away either. */
function notOffered(kind: TunnelKind, context: DriverContext): Interfaces {
  const reason = `${kind.name} is not among tunnel.kinds`
  if (context.driver === 'dry-run') return new NoInterfaces(reason)
  return new NoInterfaces(reason, async () => {
    if ((await context.claimKernel()) !== undefined) return [] // what stands may be the other broker's
    return (await kind.removeLeftovers?.(context)) ?? []
  })
}

/** The block that routed prefixes are taken from; undefined: none are. */
export function routedRange({
  routed_prefix: prefix,
  routed_length: length,
}: Config['tunnel']): RoutedRange | undefined {
  return prefix === undefined ? undefined : { prefix, length }
}

/** A kind that the configuration does not know is one that a test brings with it. */
export function isOffered(name: string, { kinds }: Config['tunnel']): boolean {
  return kinds.some(kind => kind === name) || KINDS.byName(name) === undefined
}
