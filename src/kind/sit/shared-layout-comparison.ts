/** What a comparison with the kernel finds too much, or not whole. */
import { NO_DEVICE } from '../../kernel/forwarding.ts'
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
  const networks = new Set(wanted.map(entry => entry.network))
  const keys = new Set(wanted.map(keyOf))
  const { ways, serverAddresses } = found.routed
  const stray = [...new Set([...ways.keys(), ...serverAddresses.keys()])].filter(
    network => !networks.has(network),
  )
  const elements = [...found.elements].filter(([key]) => !keys.has(key)).map(([, element]) => element)
  const targets = stray.map(network => ({
    network,
    length: ways.get(network)?.length ?? LINK_BITS,
    serverAddress: serverAddresses.get(network),
  }))
  const reasons = await routes.take(targets)
  const kept = wanted.filter(entry => found.elements.has(keyOf(entry)))
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
  return (
    elements.has(keyOf(entry)) &&
    routed.ways.get(entry.network)?.endpoint === entry.endpoint &&
    routed.ways.get(entry.network)?.length === entry.length &&
    routed.ways.get(entry.network)?.mtu === entry.mtu &&
    routed.serverAddresses.get(entry.network) === entry.serverAddress
  )
}
