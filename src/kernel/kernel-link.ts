import type { Link, Octets } from '../tunnel/interface.ts'
import {
  LINK_PREFIX_LENGTH,
  LINK_TTL,
  type Outer,
  ROUTE_PROTOCOL,
  type RunIp,
  reasonOf,
} from './ip-command.ts'
import { fieldsOf, parseArray } from './ip-json.ts'

/** A sit device as the kernel has it. What it does not say is undefined. */
export interface KernelLink {
  readonly device: string
  readonly mtu: number | undefined
  readonly isUp: boolean
  readonly remote: string | undefined
  readonly local: string | undefined
  readonly ttl: number | undefined
  /** Global addresses with their prefix lengths. */
  readonly addresses: readonly string[]
}

export type Listing =
  | { readonly kind: 'links'; readonly links: ReadonlyMap<string, KernelLink> }
  | { readonly kind: 'failed'; readonly reason: string }

/** All sit devices whose names begin with the prefix: ours. The kernel's own sit0 is never among them. */
export async function listLinks(run: RunIp, devicePrefix: string): Promise<Listing> {
  const outcome = await run(['-json', '-details', 'address', 'show', 'type', 'sit'])
  if (outcome.status !== 0) return { kind: 'failed', reason: reasonOf(outcome.stderr) }
  const entries = parseArray(outcome.stdout)
  if (entries === undefined) return { kind: 'failed', reason: 'ip did not answer in JSON' }
  const links = new Map<string, KernelLink>()
  for (const entry of entries) {
    const link = kernelLinkOf(entry)
    if (link?.device.startsWith(devicePrefix)) links.set(link.device, link)
  }
  return { kind: 'links', links }
}

/** The prefixes that our routes lead into each device; undefined if the kernel can't be asked. */
export async function listRoutedPrefixes(
  run: RunIp,
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  const outcome = await run(['-6', '-json', 'route', 'show', 'proto', ROUTE_PROTOCOL])
  const routes = outcome.status === 0 ? parseArray(outcome.stdout) : undefined
  if (routes === undefined) return undefined
  const prefixes = new Map<string, string[]>()
  for (const route of routes) {
    const { dst, dev } = fieldsOf(route)
    if (typeof dst !== 'string' || typeof dev !== 'string') continue
    prefixes.set(dev, [...(prefixes.get(dev) ?? []), dst])
  }
  return prefixes
}

/** What has passed a sit device since it was made. */
export interface DeviceTraffic extends Octets {
  /** Packets that came out of it. */
  readonly packets: number
}

/** The counters of each sit device with the prefix; empty if the kernel can't be asked. */
export async function deviceTraffic(
  run: RunIp,
  devicePrefix: string,
): Promise<ReadonlyMap<string, DeviceTraffic>> {
  const outcome = await run(['-json', '-statistics', 'link', 'show', 'type', 'sit'])
  const traffic = new Map<string, DeviceTraffic>()
  if (outcome.status !== 0) return traffic
  for (const entry of parseArray(outcome.stdout) ?? []) {
    const { ifname, stats64 } = fieldsOf(entry)
    const received = fieldsOf(fieldsOf(stats64).rx)
    const sent = fieldsOf(fieldsOf(stats64).tx)
    if (typeof ifname !== 'string' || !ifname.startsWith(devicePrefix)) continue
    if (typeof received.packets !== 'number') continue
    traffic.set(ifname, {
      packets: received.packets,
      received: Number(received.bytes ?? 0),
      sent: Number(sent.bytes ?? 0),
    })
  }
  return traffic
}

/** Whether a device is all that its tunnel needs, and nothing of another tunnel's. */
export function isComplete(have: KernelLink, link: Link, outer: Outer): boolean {
  return (
    have.isUp &&
    have.mtu === outer.mtu &&
    have.ttl === LINK_TTL &&
    have.local === outer.serverIpv4 &&
    have.remote === link.ipv4Client &&
    have.addresses.length === 1 &&
    have.addresses[0] === `${link.ipv6Server}/${LINK_PREFIX_LENGTH}`
  )
}

function kernelLinkOf(entry: unknown): KernelLink | undefined {
  const { ifname, mtu, flags, linkinfo, addr_info } = fieldsOf(entry)
  const { info_kind, info_data } = fieldsOf(linkinfo)
  if (typeof ifname !== 'string' || info_kind !== 'sit') return undefined
  const { remote, local, ttl } = fieldsOf(info_data)
  return {
    device: ifname,
    mtu: typeof mtu === 'number' ? mtu : undefined,
    isUp: Array.isArray(flags) && flags.includes('UP'),
    remote: typeof remote === 'string' ? remote : undefined,
    local: typeof local === 'string' ? local : undefined,
    ttl: typeof ttl === 'number' ? ttl : undefined,
    addresses: Array.isArray(addr_info) ? addr_info.flatMap(globalAddress) : [],
  }
}

function globalAddress(entry: unknown): string[] {
  const { family, scope, local, prefixlen } = fieldsOf(entry)
  if (family !== 'inet6' || scope !== 'global') return []
  // One that can't be read is still an address, and one more than a complete link has.
  return typeof local === 'string' && typeof prefixlen === 'number'
    ? [`${local}/${prefixlen}`]
    : ['unreadable']
}
