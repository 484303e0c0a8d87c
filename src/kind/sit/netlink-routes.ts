import { formatIpv4, ipv4Bytes, parseIpv4 } from '../../address/ipv4.ts'
import { formatIpv6, parseIpv6 } from '../../address/ipv6.ts'
import { hostIn } from '../../kernel/foreign-routes.ts'
import {
  beginMessage,
  FLAG,
  findAttribute,
  message,
  NETLINK,
  type Netlink,
  OWN_AT,
  putAttribute,
  putAttributeHead,
} from '../../kernel/netlink.ts'
import { type Entry, LINK_BITS, networkOf } from './shared-layout-entry.ts'
import { PROTOCOL, type RouteListing, type RouteTable, type Taken, type Way } from './shared-layout-routes.ts'

const RTM = { new: 24, delete: 25, get: 26 } as const
const RTA = { destination: 1, device: 4, gateway: 5, metrics: 8 } as const
const METRIC = { lock: 1, mtu: 2 } as const
const AF_INET6 = 10
const TABLE = { main: 254, local: 255 } as const
const ROUTE = { unicast: 1, local: 2 } as const
const ONLINK = 4
const ROUTE_LENGTH = 12
const OWN = { length: 1, table: 4, protocol: 5, type: 7, flags: 8 } as const
/** Octets of attributes with their heads. */
const ADDRESS_ATTRIBUTE = 20
const NUMBER_ATTRIBUTE = 8
const METRICS_ATTRIBUTE = 20
const LOOPBACK = 1 // the device lo, in every network namespace
const ADDRESS_BITS = 128
const NOT_THERE = 'ESRCH'
/** RTM_F_FIB_MATCH: the answer is the route of the table, and not the way that a packet would take. */
const TABLES_ROUTE = 0x2000
/** What a look-up ends with at a blackhole and a prohibition. */
const BARRED = ['EINVAL', 'EACCES']
/** Times a listing is begun anew because routes were changed meanwhile. */
const LISTINGS = 5

/** Our routes by netlink (rtnetlink(7)): no process is started, and 100,000 are read in a fraction of a second. */
export class NetlinkRoutes implements RouteTable {
  readonly #netlink: Netlink
  readonly #device: string

  constructor(netlink: Netlink, device: string) {
    this.#netlink = netlink
    this.#device = device
  }

  async list(): Promise<RouteListing> {
    let fault: string | undefined
    for (let i = 0; i < LISTINGS; i++) {
      const ways = new Map<string, Way>()
      const serverAddresses = new Map<string, string>()
      const question = message(RTM.get, FLAG.request | FLAG.dump, {
        own: ownPart({ protocol: Number(PROTOCOL) }),
      })
      const index = this.#netlink.indexOf(this.#device)
      fault = await this.#netlink.dump(NETLINK.route, question, (octets, { at, end, type }) => {
        if (type === RTM.new) note(octets, { at, end }, { index, ways, serverAddresses })
      })
      if (fault === undefined) return { kind: 'routes', ways, serverAddresses }
      if (fault !== 'EINTR') break
    }
    return { kind: 'failed', reason: `routes can't be listed: ${fault}` }
  }

  /** See Suspect: those whose best route is not ours. A question has its answer at once. */
  async suspect(networks: readonly string[]): Promise<readonly string[]> {
    const suspects: string[] = []
    for (const network of networks) {
      const question = message(RTM.get, FLAG.request | FLAG.acknowledge, {
        own: ownPart({ length: ADDRESS_BITS, flags: TABLES_ROUTE }),
        attributes: [[RTA.destination, parseIpv6(hostIn(network)) ?? new Uint8Array(16)]],
      })
      let isForeign = false
      const fault = await this.#netlink.dump(NETLINK.route, question, (octets, { at, type }) => {
        const isExact = network.endsWith(`/${octets[at + OWN.length]}`)
        isForeign ||= type === RTM.new && isExact && octets[at + OWN.protocol] !== Number(PROTOCOL)
      })
      if (isForeign || BARRED.includes(fault ?? '')) suspects.push(network)
    }
    return suspects
  }

  put(entries: readonly Entry[]): Promise<Map<Entry, string>> {
    const index = this.#netlink.indexOf(this.#device)
    if (index === 0)
      return Promise.resolve(new Map(entries.map(entry => [entry, `Cannot find device "${this.#device}"`])))
    return this.#change(entries, entry => [...localMessages(entry, RTM.new), remoteMessage(entry, index)])
  }

  take<T extends Taken>(entries: readonly T[]): Promise<Map<T, string>> {
    const index = this.#netlink.indexOf(this.#device)
    return this.#change(entries, entry => [
      ...(index === 0
        ? []
        : [routeMessage(RTM.delete, networkOctets(entry.network), { index, bits: entry.length })]),
      ...localMessages(entry, RTM.delete),
    ])
  }

  /** Returns the first reason of each that had a change fail; a route to be taken that is gone is no fault. */
  async #change<T>(
    targets: readonly T[],
    messagesOf: (target: T) => readonly Buffer[],
  ): Promise<Map<T, string>> {
    const reasons = new Map<T, string>()
    const owners: T[] = []
    function* messages(): Generator<Buffer> {
      for (const target of targets) {
        for (const one of messagesOf(target)) {
          owners.push(target)
          yield one
        }
      }
    }
    const faults = await this.#netlink.change(NETLINK.route, messages())
    if (typeof faults === 'string') return new Map(targets.map(target => [target, faults]))
    for (const [number, fault] of faults) {
      const owner = owners[number]
      if (owner !== undefined && fault !== NOT_THERE && !reasons.has(owner)) reasons.set(owner, fault)
    }
    return reasons
  }
}

function note(
  octets: Buffer,
  part: { readonly at: number; readonly end: number },
  found: {
    readonly index: number
    readonly ways: Map<string, Way>
    readonly serverAddresses: Map<string, string>
  },
): void {
  const { at, end } = part
  if (octets[at + OWN.protocol] !== Number(PROTOCOL)) return
  const attributes = { at: at + ROUTE_LENGTH, end }
  const destination = findAttribute(octets, attributes, RTA.destination)
  if (destination === undefined || destination.end - destination.at !== 16) return
  const address = octets.subarray(destination.at, destination.end)
  if (octets[at + OWN.table] === TABLE.local && octets[at + OWN.length] === ADDRESS_BITS) {
    found.serverAddresses.set(networkOf(address), formatIpv6(address))
    return
  }
  const device = findAttribute(octets, attributes, RTA.device)
  const isOfDevice = device !== undefined && octets.readUInt32LE(device.at) === found.index
  const length = octets[at + OWN.length] ?? ADDRESS_BITS
  if (!isOfDevice || length > LINK_BITS) return
  const gateway = findAttribute(octets, attributes, RTA.gateway)
  const endpoint = gateway === undefined ? '' : formatIpv4(octets.readUInt32BE(gateway.at + 12))
  const metrics = findAttribute(octets, attributes, RTA.metrics)
  const mtu = metrics && findAttribute(octets, metrics, METRIC.mtu)
  found.ways.set(networkOf(address), {
    endpoint,
    length,
    ...(mtu === undefined ? {} : { mtu: octets.readUInt32LE(mtu.at) }),
  })
}

function remoteMessage({ network, length, endpoint, mtu }: Entry, index: number): Buffer {
  const gateway = new Uint8Array(16)
  gateway.set(ipv4Bytes(parseIpv4(endpoint) ?? 0), 12)
  return routeMessage(RTM.new, networkOctets(network), { index, bits: length, gateway, mtu })
}

/** In a routed prefix the server has no address. */
function localMessages({ serverAddress }: Pick<Entry, 'serverAddress'>, type: number): readonly Buffer[] {
  if (serverAddress === undefined) return []
  const octets = parseIpv6(serverAddress) ?? new Uint8Array(16)
  return [routeMessage(type, octets, { index: LOOPBACK, bits: ADDRESS_BITS })]
}

/** Written in one piece: there are two for each tunnel of a start. */
function routeMessage(
  type: number,
  destination: Uint8Array,
  {
    index,
    bits,
    gateway,
    mtu,
  }: {
    readonly index: number
    readonly bits: number
    readonly gateway?: Uint8Array
    readonly mtu?: number | undefined
  },
): Buffer {
  const isLocal = bits === ADDRESS_BITS
  const isNew = type === RTM.new
  const metrics = mtu === undefined ? undefined : metricsOf(mtu)
  const octets = beginMessage(type, {
    flags: FLAG.request | FLAG.acknowledge | (isNew ? FLAG.create | FLAG.replace : 0),
    length:
      ROUTE_LENGTH +
      ADDRESS_ATTRIBUTE +
      NUMBER_ATTRIBUTE +
      (gateway === undefined ? 0 : ADDRESS_ATTRIBUTE) +
      (metrics === undefined ? 0 : METRICS_ATTRIBUTE),
  })
  octets[OWN_AT] = AF_INET6
  octets[OWN_AT + OWN.length] = bits
  octets[OWN_AT + OWN.table] = isLocal ? TABLE.local : TABLE.main
  octets[OWN_AT + OWN.protocol] = Number(PROTOCOL)
  octets[OWN_AT + OWN.type] = isLocal ? ROUTE.local : isNew ? ROUTE.unicast : 0
  octets.writeUInt32LE(gateway === undefined ? 0 : ONLINK, OWN_AT + OWN.flags)
  let at = OWN_AT + ROUTE_LENGTH
  at = putAttribute(octets, at, RTA.destination, destination)
  putAttributeHead(octets, at, { kind: RTA.device, length: 4 })
  octets.writeUInt32LE(index, at + 4)
  at += NUMBER_ATTRIBUTE
  if (gateway !== undefined) at = putAttribute(octets, at, RTA.gateway, gateway)
  if (metrics !== undefined) putAttribute(octets, at, RTA.metrics, metrics)
  return octets
}

/** The MTU with its lock: without it the kernel takes what it forwards for as large as the device. */
function metricsOf(mtu: number): Buffer {
  const metrics = Buffer.alloc(16)
  metrics.writeUInt16LE(8, 0)
  metrics.writeUInt16LE(METRIC.lock, 2)
  metrics.writeUInt32LE(1 << METRIC.mtu, 4)
  metrics.writeUInt16LE(8, 8)
  metrics.writeUInt16LE(METRIC.mtu, 10)
  metrics.writeUInt32LE(mtu, 12)
  return metrics
}

function ownPart(fields: Partial<Record<keyof typeof OWN, number>>): Buffer {
  const own = Buffer.alloc(ROUTE_LENGTH)
  own[0] = AF_INET6
  own[OWN.length] = fields.length ?? 0
  own[OWN.table] = fields.table ?? 0
  own[OWN.protocol] = fields.protocol ?? 0
  own[OWN.type] = fields.type ?? 0
  own.writeUInt32LE(fields.flags ?? 0, OWN.flags)
  return own
}

function networkOctets(network: string): Uint8Array {
  const octets = new Uint8Array(16)
  octets.set(Buffer.from(network, 'hex'))
  return octets
}
