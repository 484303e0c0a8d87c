import { formatIpv6 } from '../../address/ipv6.ts'
import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import { NO_DEVICE, routePools, turnForwardingOn } from '../../kernel/forwarding.ts'
import { LINK_TTL, type RunIp, runBatch, runIp } from '../../kernel/ip-command.ts'
import { isIpv6Off, turnIpv6On } from '../../kernel/ipv6-switch.ts'
import { type KernelLink, listLinks } from '../../kernel/kernel-link.ts'
import { type RunNft, runNft } from '../../kernel/nft-command.ts'
import type { Interfaces, Link, LinkFault, Octets, Reconciliation } from '../../tunnel/interface.ts'
import type { RoutedRange } from '../../tunnel/routed-pool.ts'
import { KnownFilter, type ListElements, NO_ENDPOINT } from './known-filter.ts'
import { innerOctets } from './sent-set.ts'
import { type Admitted, keyOf, type Traffic } from './shared-layout-elements.ts'
import { type Entry, entriesOf, formatNetwork, LINK_BITS, networkOf } from './shared-layout-entry.ts'
import type { FilterOptions } from './shared-layout-filter.ts'
import {
  BATCH_TUNNELS,
  deviceCommands,
  GONE,
  IpRoutes,
  type Routed,
  type RouteTable,
  runLines,
} from './shared-layout-routes.ts'
import { SharedLayoutWatch, type Target } from './shared-layout-watch.ts'
import { Sleepers } from './sleepers.ts'

export interface SharedLayoutOptions {
  readonly devicePrefix: string
  readonly serverIpv4: string
  readonly mtu: number
  readonly prefix: Prefix
  /** Where further prefixes of tunnels are taken from. */
  readonly routed?: RoutedRange | undefined
  /** Most tunnels there can be. */
  readonly capacity: number
  readonly runIp?: RunIp
  readonly runNft?: RunNft
  /** In place of the program `ip`. */
  readonly routes?: RouteTable
  /** In place of a listing by `nft`. */
  readonly listElements?: ListElements
  /** Reads a number that changes with each change of nftables by anybody: see readNftGeneration. */
  readonly readGeneration?: () => Promise<number | undefined>
  readonly forwardingPath?: string
}

/** Of the 32 bits of a tunnel's prefix that count the pool's networks (AddressPool). */
const INDEX_AT = 4
const LAST_OCTET = 15
const NOTHING: Traffic = { packets: 0, bytes: 0 }
/** How long a comparison is believed while the monitors tell of no harm. */
const BELIEVED_MS = 600_000

/**
 * The server's ends of the tunnels as one sit device for all (RFC 4213 3): a route a tunnel says where packets go, an
 * element of a set which packets may come. Costs the same a packet with ten tunnels and with a hundred thousand. An
 * element is made before its route and goes after it, so that nothing answers for a tunnel that could not be filtered.
 */
export class SharedLayout implements Interfaces {
  readonly kind = 'sit'
  readonly #devicePrefix: string
  readonly #prefix: Prefix
  readonly #filterOptions: FilterOptions
  readonly #filter: KnownFilter
  readonly #sleepers: Sleepers
  readonly #runIp: RunIp
  readonly #routes: RouteTable
  readonly #forwardingPath: string | undefined
  /** What the kernel was last asked for, by device: a link each, and a routed prefix. */
  readonly #entries = new Map<string, readonly Entry[]>()
  /** The same by network. */
  readonly #networks = new Map<string, Entry>()
  #watch: SharedLayoutWatch | undefined
  /** When the comparison began that found, or left, all as it should be; undefined if the last one did not. */
  #soundAt: number | undefined
  #preparing: Promise<readonly LinkFault[]> | undefined
  /** Whether the device had to be made or mended since the last comparison: until then no tunnel worked. */
  #wasDeviceAmiss = false

  constructor(options: SharedLayoutOptions) {
    const { devicePrefix, serverIpv4, mtu, capacity } = options
    this.#devicePrefix = devicePrefix
    this.#prefix = options.prefix
    this.#filterOptions = {
      device: sharedDevice(devicePrefix),
      serverIpv4,
      mtu,
      capacity,
      pool: formatPrefix(options.prefix),
      routed: options.routed,
    }
    this.#runIp = options.runIp ?? runIp
    this.#filter = new KnownFilter(this.#filterOptions, {
      runIp: this.#runIp,
      runNft: options.runNft ?? runNft,
      listElements: options.listElements,
      readGeneration: options.readGeneration,
      wanted: () => [...this.#entries.values()].flat(),
    })
    this.#sleepers = new Sleepers(this.#filter.sleepers, capacity)
    this.#routes = options.routes ?? new IpRoutes(this.#runIp, this.#filterOptions.device)
    this.#forwardingPath = options.forwardingPath
  }

  /** Whoever asks while it runs is told its outcome. */
  prepare(): Promise<readonly LinkFault[]> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined
    })
    return this.#preparing
  }

  async #prepare(): Promise<readonly LinkFault[]> {
    const unfiltered = await this.#filter.ensure()
    if (unfiltered !== undefined) return [unfiltered]
    const faults = [
      ...(await routePools(this.#runIp, 'unreachable', this.#pools())),
      await turnForwardingOn(this.#forwardingPath),
      await this.#makeDevice(),
    ]
    return faults.filter(fault => fault !== undefined)
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const { entries, faults } = sift(links)
    if (entries.length === 0) return faults
    const former = this.#formerOf(entries)
    this.#note(entries) // first, so that who watches knows the changes for ours
    const reason = await this.#filter.admit(entries)
    if (reason !== undefined) return [...faults, ...entries.map(({ device }) => ({ device, reason }))]
    const reasons = await this.#routes.put(entries)
    const failed = [...reasons.keys()]
    if (failed.length > 0) await this.#removeEntries(this.#wholeOf(failed))
    return [...faults, ...faultsOf(reasons), ...(await this.#removeFormer(former))]
  }

  /** A move is what a creation is: the set's element and the route are replaced, and what a tunnel has no more goes. */
  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.create(links)
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const entries: Entry[] = []
    for (const device of devices) {
      entries.push(...(this.#entries.get(device) ?? this.#entryByNumber(device)))
    }
    return this.#removeEntries(entries)
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    if (this.isSound() && this.#isAll(wanted)) {
      const faults = await this.prepare()
      return { made: this.#takeDeviceAmiss() ? wanted.map(({ device }) => device) : [], removed: [], faults }
    }
    const start = performance.now()
    this.#soundAt = undefined
    const outcome = await this.#compare(wanted)
    if (outcome.faults.length === 0) this.#soundAt = start
    return outcome
  }

  trouble(): string | undefined {
    return this.#filter.trouble
  }

  isSound(): boolean {
    if (this.#soundAt === undefined || this.#watch === undefined) return false
    const isFresh = performance.now() - this.#soundAt < BELIEVED_MS
    return isFresh && this.#soundAt > this.#watch.hearsAllSince && this.#watch.isQuiet
  }

  async #compare(wanted: readonly Link[]): Promise<Reconciliation> {
    const preparation = await this.prepare()
    const seen = await this.#filter.look()
    const listing = await this.#routes.list()
    if (listing.kind === 'failed' || seen === undefined) {
      const reason = listing.kind === 'failed' ? listing.reason : 'there is no filter'
      return { made: [], removed: [], faults: [...preparation, { device: NO_DEVICE, reason }] }
    }
    const { entries, faults } = sift(wanted)
    const isAllAnew = this.#takeDeviceAmiss()
    this.#remember(entries)
    this.#filter.remember(seen)
    const old = await this.#removeOldDevices()
    const strays = await this.#removeStrays(entries, { elements: seen.elements, routed: listing })
    const amiss = entries.filter(entry => !isWhole(entry, seen.elements, listing))
    const names = new Set(amiss.map(entry => entry.device))
    const creation = await this.create(wanted.filter(link => names.has(link.device)))
    const failed = new Set(creation.map(fault => fault.device))
    const made = isAllAnew ? entries.map(entry => entry.device) : [...names]
    return {
      made: made.filter(name => !failed.has(name)),
      removed: [...old, ...strays.removed],
      faults: [...preparation, ...faults, ...strays.faults, ...creation],
    }
  }

  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const entries = devices.flatMap(device => this.#entries.get(device) ?? [])
    if (entries.length === 0) return new Map()
    const traffic = await this.#filter.traffic(entries)
    const packets = new Map<string, number>()
    for (const entry of entries) {
      const passed = traffic.get(keyOf(entry))
      if (passed !== undefined) packets.set(entry.device, (packets.get(entry.device) ?? 0) + passed.packets)
    }
    return packets
  }

  /** Where nothing was sent lately, nothing is known of what was: the counter begins anew. */
  async octets(devices: readonly string[]): Promise<ReadonlyMap<string, Octets>> {
    const { received, sent } = await this.#filter.allTraffic()
    const octets = new Map<string, Octets>()
    for (const device of devices) {
      const keys = (this.#entries.get(device) ?? []).map(keyOf)
      if (!keys.some(key => received.has(key))) continue
      octets.set(device, { received: sumOf(received, keys), sent: sumOf(sent, keys) })
    }
    return octets
  }

  /** What a client sends through a tunnel that is not up is dropped by the filter, which counts it. */
  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    return this.#filter.trouble === undefined ? this.#sleepers.listenFor(links) : new Set()
  }

  /** Calls `harmed` whenever somebody else takes away what a tunnel needs. Returns what ends that. */
  watch(harmed: () => void): () => void {
    const watch = new SharedLayoutWatch({
      device: this.#filterOptions.device,
      pool: this.#filterOptions.pool,
      isWanted: target => this.#isWanted(target),
      harmed: () => {
        this.#soundAt = undefined
        harmed()
      },
    })
    this.#watch = watch
    return () => {
      this.#watch = undefined
      watch.stop()
    }
  }

  /** Is this what the kernel was last asked for? */
  #isAll(wanted: readonly Link[]): boolean {
    if (wanted.length !== this.#entries.size) return false
    return wanted.every(({ device, ipv4Client, ipv6Server, routedPrefix }) => {
      const [own, routed] = this.#entries.get(device) ?? []
      const isRouted = (routed === undefined ? undefined : formatNetwork(routed)) === routedPrefix
      return isRouted && own?.endpoint === ipv4Client && own.serverAddress === ipv6Server
    })
  }

  #isWanted({ endpoint, network }: Target): boolean {
    const entry = this.#networks.get(network)
    return entry !== undefined && (endpoint === undefined || endpoint === entry.endpoint)
  }

  #takeDeviceAmiss(): boolean {
    const wasAmiss = this.#wasDeviceAmiss
    this.#wasDeviceAmiss = false
    return wasAmiss
  }

  #note(entries: readonly Entry[]): void {
    for (const [device, own] of Map.groupBy(entries, entry => entry.device)) this.#entries.set(device, own)
    for (const entry of entries) this.#networks.set(entry.network, entry)
  }

  /** What the tunnels of these entries have beyond them, such as a routed prefix that was given back. */
  #formerOf(entries: readonly Entry[]): readonly Entry[] {
    const networks = new Set(entries.map(({ network }) => network))
    const devices = new Set(entries.map(({ device }) => device))
    return [...devices].flatMap(device =>
      (this.#entries.get(device) ?? []).filter(({ network }) => !networks.has(network)),
    )
  }

  /** Takes away parts of tunnels that stay. */
  async #removeFormer(former: readonly Entry[]): Promise<readonly LinkFault[]> {
    if (former.length === 0) return []
    for (const { network } of former) this.#networks.delete(network)
    return faultsOf(await this.#unmake(former))
  }

  /** All that the tunnels have of which these are a part: half of one is of no use. */
  #wholeOf(parts: readonly Entry[]): readonly Entry[] {
    return [...new Set(parts.map(({ device }) => device))].flatMap(device => this.#entries.get(device) ?? [])
  }

  #pools(): readonly string[] {
    const { pool, routed } = this.#filterOptions
    return routed === undefined ? [pool] : [pool, formatPrefix(routed.prefix)]
  }

  async #makeDevice(): Promise<LinkFault | undefined> {
    const { device } = this.#filterOptions
    const { add, mend, removeAddress } = deviceCommands(this.#filterOptions)
    const listing = await listLinks(this.#runIp, device)
    if (listing.kind === 'failed') return { device, reason: listing.reason }
    const have = listing.links.get(device)
    const isOff = await isIpv6Off(device)
    if (have !== undefined && isSharedDevice(have, this.#filterOptions) && !isOff) return undefined
    this.#wasDeviceAmiss ||= this.#entries.size > 0
    const changed = await runBatch(this.#runIp, have === undefined ? [add] : mend)
    const refused = isOff ? await turnIpv6On(device) : undefined
    if (refused !== undefined) return refused
    const cleaned = await runBatch(this.#runIp, [removeAddress])
    const faults = [...cleaned.faults.values(), cleaned.trouble].filter(words => !GONE.test(words ?? ''))
    const reason = [...changed.faults.values(), changed.trouble, ...faults].find(words => words !== undefined)
    return reason === undefined ? undefined : { device, reason }
  }

  /** One that this process has not made itself: its name says which network it has, the set which endpoint. */
  #entryByNumber(device: string): readonly Entry[] {
    const number = device.startsWith(this.#devicePrefix) ? device.slice(this.#devicePrefix.length) : ''
    if (!/^\d{1,9}$/.test(number)) return []
    const address = Uint8Array.from(this.#prefix.octets)
    const view = new DataView(address.buffer)
    view.setUint32(INDEX_AT, view.getUint32(INDEX_AT) + Number(number))
    address[LAST_OCTET] = 1
    const ends = { device, endpoint: NO_ENDPOINT }
    return [{ ...ends, network: networkOf(address), length: LINK_BITS, serverAddress: formatIpv6(address) }]
  }

  #remember(entries: readonly Entry[]): void {
    this.#entries.clear()
    this.#networks.clear()
    this.#note(entries)
  }

  async #removeEntries(entries: readonly Entry[]): Promise<readonly LinkFault[]> {
    if (entries.length === 0) return []
    for (const { network } of entries) this.#networks.delete(network) // who watches knows the changes for ours
    const reasons = await this.#unmake(entries)
    const left = new Set([...reasons.keys()].map(({ device }) => device))
    for (const entry of entries) {
      if (!left.has(entry.device)) this.#entries.delete(entry.device)
      else if (this.#entries.has(entry.device)) this.#networks.set(entry.network, entry)
    }
    return faultsOf(reasons)
  }

  /** Routes first: what has no route is answered by nobody, whatever the set says. */
  async #unmake(entries: readonly Entry[]): Promise<Map<Entry, string>> {
    const reasons = await this.#routes.take(entries)
    const gone = entries.filter(entry => !reasons.has(entry))
    const reason = await this.#filter.refuse(gone)
    if (reason !== undefined) for (const entry of gone) reasons.set(entry, reason)
    return reasons
  }

  /** Takes out routes, then elements, that are ours and no tunnel's. */
  async #removeStrays(
    wanted: readonly Entry[],
    found: { readonly elements: ReadonlyMap<string, Admitted>; readonly routed: Routed },
  ): Promise<{ readonly removed: readonly string[]; readonly faults: readonly LinkFault[] }> {
    const networks = new Set(wanted.map(entry => entry.network))
    const keys = new Set(wanted.map(keyOf))
    const { ways, serverAddresses } = found.routed
    const routes = [...new Set([...ways.keys(), ...serverAddresses.keys()])].filter(
      network => !networks.has(network),
    )
    const elements = [...found.elements].filter(([key]) => !keys.has(key)).map(([, element]) => element)
    const targets = routes.map(network => ({
      network,
      length: ways.get(network)?.length ?? LINK_BITS,
      serverAddress: serverAddresses.get(network),
    }))
    const reasons = await this.#routes.take(targets)
    const kept = wanted.filter(entry => found.elements.has(keyOf(entry)))
    const reason = await this.#filter.refuseStrays(elements, kept)
    const faults = Array.from(reasons, ([target, words]) => ({
      device: formatNetwork(target),
      reason: words,
    }))
    if (reason !== undefined) faults.push({ device: NO_DEVICE, reason })
    const strays = new Set([...routes, ...elements.map(({ network }) => network)])
    const removed = [...strays]
      .filter(network => !networks.has(network))
      .map(network => formatNetwork({ network, length: ways.get(network)?.length ?? LINK_BITS }))
    return { removed, faults }
  }

  /** Takes away what the layout of one device a tunnel left behind. */
  async #removeOldDevices(): Promise<readonly string[]> {
    const listing = await listLinks(this.#runIp, this.#devicePrefix)
    if (listing.kind === 'failed') return []
    const old = [...listing.links.keys()].filter(device => device !== this.#filterOptions.device)
    const reasons = await runLines(this.#runIp, old, {
      linesOf: device => [`tunnel del ${device}`],
      batchTargets: BATCH_TUNNELS,
    })
    return old.filter(device => !reasons.has(device))
  }
}

/** The device of all tunnels. No tunnel's own device is called so: theirs end in a number. */
export function sharedDevice(devicePrefix: string): string {
  return `${devicePrefix}all`
}

function isSharedDevice(have: KernelLink, { serverIpv4, mtu }: FilterOptions): boolean {
  return (
    have.isUp &&
    have.mtu === mtu &&
    have.ttl === LINK_TTL &&
    have.local === serverIpv4 &&
    (have.remote === undefined || have.remote === 'any') &&
    have.addresses.length === 0
  )
}

function sift(links: readonly Link[]): { entries: readonly Entry[]; faults: readonly LinkFault[] } {
  const entries: Entry[] = []
  const faults: LinkFault[] = []
  for (const link of links) {
    const own = entriesOf(link)
    if (own !== undefined) entries.push(...own)
    else faults.push({ device: link.device, reason: 'the row holds no proper addresses' })
  }
  return { entries, faults }
}

function isWhole(entry: Entry, elements: ReadonlyMap<string, Admitted>, routed: Routed): boolean {
  return (
    elements.has(keyOf(entry)) &&
    routed.ways.get(entry.network)?.endpoint === entry.endpoint &&
    routed.ways.get(entry.network)?.length === entry.length &&
    routed.serverAddresses.get(entry.network) === entry.serverAddress
  )
}

function sumOf(counted: ReadonlyMap<string, Traffic>, keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + innerOctets(counted.get(key) ?? NOTHING), 0)
}

/** One for each tunnel. */
function faultsOf(reasons: ReadonlyMap<Entry, string>): LinkFault[] {
  const byDevice = new Map(Array.from(reasons, ([{ device }, reason]) => [device, reason]))
  return Array.from(byDevice, ([device, reason]) => ({ device, reason }))
}
