import { formatIpv4 } from '../../address/ipv4.ts'
import { parseIpv6 } from '../../address/ipv6.ts'
import { parsePrefix } from '../../address/prefix.ts'
import { runLines } from '../../kernel/ip-batch.ts'
import { LINK_TTL, ROUTE_PROTOCOL, type RunIp, reasonOf } from '../../kernel/ip-command.ts'
import { fieldsOf, parseArray } from '../../kernel/ip-json.ts'
import { type Entry, formatNetwork, LINK_BITS, networkOf } from './shared-layout-entry.ts'
import { PASSED_MARK } from './shared-layout-filter.ts'

export const PROTOCOL = ROUTE_PROTOCOL
/** Behind the table of local addresses, before all others. */
const RULE_PRIORITY = '246'
/** An `ip -batch` of 80,000 lines was seen to die; a tunnel has two. */
export const BATCH_TUNNELS = 4000
export const GONE =
  /No such process|No such device|Cannot find device|Cannot assign requested address|address not found/

/** Where packets for a network go. */
export type Way = Pick<Entry, 'endpoint' | 'length' | 'mtu'>

/** What is taken away of a tunnel. */
export type Taken = Pick<Entry, 'network' | 'length' | 'serverAddress'>

/** Our routes as the kernel has them, by network: where packets go, and the server's address. */
export interface Routed {
  readonly ways: ReadonlyMap<string, Way>
  readonly serverAddresses: ReadonlyMap<string, string>
}

export type RouteListing =
  | ({ readonly kind: 'routes' } & Routed)
  | { readonly kind: 'failed'; readonly reason: string }

/** Our routes in the kernel. Changes return the first reason for each that had one fail; taking what is gone is no fault. */
export interface RouteTable {
  list(): Promise<RouteListing>
  /** The way to each client, and the server's end of each link. */
  put(entries: readonly Entry[]): Promise<Map<Entry, string>>
  take<T extends Taken>(entries: readonly T[]): Promise<Map<T, string>>
}

/** By the program `ip`. */
export class IpRoutes implements RouteTable {
  readonly #run: RunIp
  readonly #device: string

  constructor(run: RunIp, device: string) {
    this.#run = run
    this.#device = device
  }

  list(): Promise<RouteListing> {
    return listRoutes(this.#run, this.#device)
  }

  put(entries: readonly Entry[]): Promise<Map<Entry, string>> {
    const linesOf = (entry: Entry) => routeCommands(entry, this.#device)
    return runLines(this.#run, entries, { linesOf, batchTargets: BATCH_TUNNELS })
  }

  async take<T extends Taken>(entries: readonly T[]): Promise<Map<T, string>> {
    const linesOf = (entry: T) => unrouteCommands(entry, this.#device)
    const reasons = await runLines(this.#run, entries, { linesOf, batchTargets: BATCH_TUNNELS })
    for (const [entry, reason] of reasons) if (GONE.test(reason)) reasons.delete(entry)
    return reasons
  }
}

/** The device of all tunnels: it takes packets from any endpoint, and sends each to its route's gateway. */
export function deviceCommands(options: {
  readonly device: string
  readonly serverIpv4: string
  readonly mtu: number
}): { readonly add: string; readonly mend: readonly string[]; readonly removeAddress: string } {
  const { device, serverIpv4, mtu } = options
  const ends = `mode ip6ip remote any local ${serverIpv4} ttl ${LINK_TTL}`
  return {
    add: `link add name ${device} mtu ${mtu} up type sit ${ends}`,
    mend: [`link set dev ${device} type sit ${ends}`, `link set dev ${device} mtu ${mtu} up`],
    // The kernel gives it one (RFC 4291 2.5.5.1), and would take it for the source of its own packets.
    removeAddress: `address del ::${serverIpv4}/96 dev ${device}`,
  }
}

/** Lets nothing be forwarded that has not passed the filter, be it flushed by whomever. */
export function guardCommand(device: string): string {
  return `-6 rule add priority ${RULE_PRIORITY} iif ${device} fwmark 0x0/${PASSED_MARK} blackhole`
}

/** Devices that are guarded so, by whatever process. */
export async function guardedDevices(run: RunIp): Promise<readonly string[]> {
  const rules = await run(['-6', '-json', 'rule', 'show'])
  const guards = (parseArray(rules.stdout) ?? [])
    .map(fieldsOf)
    .filter(({ priority, action }) => String(priority) === RULE_PRIORITY && action === 'blackhole')
  return guards.flatMap(({ iif }) => (typeof iif === 'string' ? iif : []))
}

/** Takes away the device with its routes, the guard and the server's addresses. */
export function removalCommands(device: string): readonly [device: string, guard: string, addresses: string] {
  return [
    `tunnel del ${device}`,
    `-6 rule del priority ${RULE_PRIORITY} iif ${device}`,
    `-6 route flush table local proto ${PROTOCOL}`,
  ]
}

function routeCommands(entry: Entry, device: string): readonly string[] {
  const { serverAddress, mtu } = entry
  // Without the lock the kernel takes what it forwards for as large as the device (ip-route(8)).
  const metrics = mtu === undefined ? '' : ` mtu lock ${mtu}`
  return [
    ...(serverAddress === undefined
      ? []
      : [`route replace local ${serverAddress}/128 dev lo proto ${PROTOCOL}`]),
    `route replace ${formatNetwork(entry)} via ::${entry.endpoint} dev ${device} onlink proto ${PROTOCOL}${metrics}`,
  ]
}

function unrouteCommands(taken: Taken, device: string): readonly string[] {
  const { serverAddress } = taken
  return [
    `route del ${formatNetwork(taken)} dev ${device} proto ${PROTOCOL}`,
    ...(serverAddress === undefined ? [] : [`route del local ${serverAddress}/128 dev lo proto ${PROTOCOL}`]),
  ]
}

/** All routes that are ours. */
async function listRoutes(run: RunIp, device: string): Promise<RouteListing> {
  const show = ['-6', '-json', 'route', 'show']
  const remote = await run([...show, 'dev', device, 'proto', PROTOCOL])
  if (remote.status !== 0) return { kind: 'failed', reason: reasonOf(remote.stderr) }
  const local = await run([...show, 'table', 'local', 'proto', PROTOCOL])
  if (local.status !== 0) return { kind: 'failed', reason: reasonOf(local.stderr) }
  const [remotes, locals] = [parseArray(remote.stdout), parseArray(local.stdout)]
  if (remotes === undefined || locals === undefined) {
    return { kind: 'failed', reason: 'ip did not answer in JSON' }
  }
  return { kind: 'routes', ways: waysOf(remotes), serverAddresses: serverAddressesOf(locals) }
}

function waysOf(routes: readonly unknown[]): ReadonlyMap<string, Way> {
  const ways = new Map<string, Way>()
  for (const route of routes) {
    const { dst, gateway, metrics } = fieldsOf(route)
    const destination = typeof dst === 'string' ? parsePrefix(dst) : undefined
    if (destination === undefined || destination.length > LINK_BITS) continue
    const octets = typeof gateway === 'string' ? parseIpv6(gateway) : undefined
    const endpoint =
      octets === undefined ? '' : formatIpv4(new DataView(octets.buffer, octets.byteOffset).getUint32(12))
    const mtu = mtuIn(metrics)
    ways.set(networkOf(destination.octets), { endpoint, length: destination.length, ...mtu })
  }
  return ways
}

/** `[{"mtu":1300}]`, as `ip` writes it. */
function mtuIn(metrics: unknown): { readonly mtu?: number } {
  const [first] = Array.isArray(metrics) ? metrics : []
  const { mtu } = fieldsOf(first)
  return typeof mtu === 'number' ? { mtu } : {}
}

function serverAddressesOf(routes: readonly unknown[]): ReadonlyMap<string, string> {
  const addresses = new Map<string, string>()
  for (const route of routes) {
    const { dst } = fieldsOf(route)
    const octets = typeof dst === 'string' ? parseIpv6(dst) : undefined
    if (octets !== undefined && typeof dst === 'string') addresses.set(networkOf(octets), dst)
  }
  return addresses
}
