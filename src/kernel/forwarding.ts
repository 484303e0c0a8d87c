import { readFile, writeFile } from 'node:fs/promises'
import type { LinkFault } from '../tunnel/interface.ts'
import { type RunIp, reasonOf } from './ip-command.ts'

/**
 * Whether packets for parts of the pool that no tunnel has are dropped, or answered as often as the kernel's limit allows
 * (RFC 4443 3.1, 2.4f).
 */
export type PoolRoute = 'blackhole' | 'unreachable'

/** In place of a device if the fault is not one tunnel's. */
export const NO_DEVICE = '*'

/** A container, and the unit that we bring along, only read the settings. */
const MEND = 'run sysctl -w net.ipv6.conf.all.forwarding=1 on the host'
const FORWARDING_PATH = '/proc/sys/net/ipv6/conf/all/forwarding'
/** The pool's route gives way to any that the operator sets for the same prefix. */
const METRICS: Readonly<Record<PoolRoute, number>> = { blackhole: 4_278_198_272, unreachable: 4_278_198_271 }

/** Turns the forwarding of IPv6 on unless it is. Returns why it could not be. */
export async function turnForwardingOn(path = FORWARDING_PATH): Promise<LinkFault | undefined> {
  try {
    if ((await readFile(path, 'utf8')).trim() === '1') return undefined
    await writeFile(path, '1\n')
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { device: NO_DEVICE, reason: `IPv6 forwarding is not on; ${MEND} (${reason})` }
  }
}

/** The same for several pools, the first fault of each. */
export async function routePools(
  run: RunIp,
  route: PoolRoute,
  pools: readonly string[],
): Promise<readonly (LinkFault | undefined)[]> {
  const faults: (LinkFault | undefined)[] = []
  for (const pool of pools) faults.push(await routePool(run, route, pool))
  return faults
}

/** Packets for parts of the pool that no tunnel has end here instead of going back to the provider (RFC 6324 3.1). */
async function routePool(run: RunIp, route: PoolRoute, pool: string): Promise<LinkFault | undefined> {
  const outcome = await run(poolRouteArguments(route, pool))
  if (outcome.status === 0) return undefined
  return { device: NO_DEVICE, reason: `no ${route} route for ${pool}: ${reasonOf(outcome.stderr)}` }
}

export function poolRouteArguments(route: PoolRoute, pool: string): readonly string[] {
  return ['-6', 'route', 'replace', route, pool, 'metric', String(METRICS[route])]
}
