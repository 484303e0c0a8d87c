/** What a comparison with the kernel finds too much, or not whole. */
import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { inTurns } from '../../shared/in-turns.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import type { KnownFilter } from './known-filter.ts'
import { type Admitted, keyOf } from './shared-layout-elements.ts'
import { type Entry, formatNetwork, LINK_BITS } from './shared-layout-entry.ts'
import type { Routed, RouteTable } from './shared-layout-routes.ts'

/** What the kernel has of ours. */
interface Found {
  readonly elements: ReadonlyMap<string, Admitted>
  readonly routed: Routed
}

/** Takes out routes, then elements, that are ours and no tunnel's. */
export async function removeStrays(
  wanted: readonly Entry[],
  found: Found,
  {
    routes,
    filter,
  }: { readonly routes: Pick<RouteTable, 'take'>; readonly filter: Pick<KnownFilter, 'refuseStrays'> },
): Promise<{ readonly removed: readonly string[]; readonly faults: readonly LinkFault[] }> {
  const { ways, serverAddresses } = found.routed
  if (found.elements.size + ways.size + serverAddresses.size === 0) return { removed: [], faults: [] }
  const networks = new Set<string>()
  const keys = new Set<string>()
  const kept: Entry[] = []
  await inTurns(wanted, entry => {
    const key = keyOf(entry)
    networks.add(entry.network)
    keys.add(key)
    if (found.elements.has(key)) kept.push(entry)
  })
  const stray = new Set<string>()
  for (const routed of [ways, serverAddresses]) {
    await inTurns(routed.keys(), network => {
      if (!networks.has(network)) stray.add(network)
    })
  }
  const elements: Admitted[] = []
  await inTurns(found.elements, ([key, element]) => {
    if (!keys.has(key)) elements.push(element)
  })
  const targets = Array.from(stray, network => ({
    network,
    length: ways.get(network)?.length ?? LINK_BITS,
    serverAddress: serverAddresses.get(network),
  }))
  const reasons = await routes.take(targets)
  const reason = await filter.refuseStrays(elements, kept)
  const faults = Array.from(reasons, ([target, words]) => ({
    device: formatNetwork(target),
    reason: words,
  }))
  if (reason !== undefined) faults.push({ device: NO_DEVICE, reason })
  const strays = new Set([...stray, ...elements.map(({ network }) => network)])
  const removed = [...strays]
    .filter(network => !networks.has(network))
    .map(network => formatNetwork({ network, length: ways.get(network)?.length ?? LINK_BITS }))
  return { removed, faults }
}

/** Has the kernel all that an entry needs? */
export function isWhole(entry: Entry, { elements, routed }: Found): boolean {
  const way = routed.ways.get(entry.network)
  return (
    way?.endpoint === entry.endpoint &&
    way.length === entry.length &&
    way.mtu === entry.mtu &&
    routed.serverAddresses.get(entry.network) === entry.serverAddress &&
    elements.has(keyOf(entry))
  )
}
