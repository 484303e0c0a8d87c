import { readFile, writeFile } from 'node:fs/promises'
import type { LinkFault } from '../tunnel/interface.ts'
import { type RunIp, reasonOf } from './ip-command.ts'
import { fieldsOf, parseArray } from './ip-json.ts'

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
/** The pool's route gives way to any that the operator sets for the same prefix, and is known as ours by its metric. */
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

/** The same for several pools, the first fault of each. A pool of another configuration has its route no more. */
export async function routePools(
  run: RunIp,
  route: PoolRoute,
  pools: readonly string[],
): Promise<readonly (LinkFault | undefined)[]> {
  const faults: (LinkFault | undefined)[] = []
  for (const pool of pools) faults.push(await routePool(run, route, pool))
  for (const former of await formerPools(run, route, pools))
    await run(['-6', 'route', 'del', route, former, 'metric', String(METRICS[route])])
  return faults
}

/** Networks with a route of ours that are no pools: who is there now could be reached neither from here nor by a client. */
async function formerPools(
  run: RunIp,
  route: PoolRoute,
  pools: readonly string[],
): Promise<readonly string[]> {
  // They have the protocol that `ip` gives: the kernel leaves out those of tunnels and of routing daemons, which may be many.
  const { status, stdout } = await run(['-6', '-json', 'route', 'show', 'proto', 'boot', 'type', route])
  const routes = status === 0 ? (parseArray(stdout) ?? []) : []
  return routes.flatMap(entry => {
    const { dst, metric } = fieldsOf(entry)
    return typeof dst === 'string' && metric === METRICS[route] && !pools.includes(dst) ? [dst] : []
  })
}

/** Packets for parts of the pool that no tunnel has end here instead of going back to the provider (RFC 6324 3.1). */
async function routePool(run: RunIp, route: PoolRoute, pool: string): Promise<LinkFault | undefined> {
  const outcome = await run(poolRouteArguments(route, pool))
  if (outcome.status === 0) return undefined
  return { device: NO_DEVICE, reason: `no ${route} route for ${pool}: ${reasonOf(outcome.stderr)}` }
}

/** Whether a line of `ip route` is such a route. */
export function isPoolRoute(line: string): boolean {
  return Object.values(METRICS).some(metric => line.includes(` metric ${metric} `))
}

export function poolRouteArguments(route: PoolRoute, pool: string): readonly string[] {
  return ['-6', 'route', 'replace', route, pool, 'metric', String(METRICS[route])]
}
