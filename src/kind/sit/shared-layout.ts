import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import { NO_DEVICE, routePools, turnForwardingOn } from '../../kernel/forwarding.ts'
import { type RunIp, runIp } from '../../kernel/ip-command.ts'
import { type RunNft, runNft } from '../../kernel/nft-command.ts'
import { inTurns } from '../../shared/in-turns.ts'
import type { Interfaces, Link, LinkFault, Octets, Reconciliation } from '../../tunnel/interface.ts'
import type { RoutedRange } from '../../tunnel/routed-pool.ts'
import { KnownFilter, type ListElements } from './known-filter.ts'
import { innerOctets } from './sent-set.ts'
import { SharedDevice, sharedDevice } from './shared-device.ts'
import { isWhole, removeStrays } from './shared-layout-comparison.ts'
import { keyOf, type Traffic } from './shared-layout-elements.ts'
import { type Entry, entryByNumber, formatNetwork, sift, wholeTunnels } from './shared-layout-entry.ts'
import type { FilterOptions } from './shared-layout-filter.ts'
import { IpRoutes, type RouteTable } from './shared-layout-routes.ts'
import { SharedLayoutWatch } from './shared-layout-watch.ts'
import { Sleepers } from './sleepers.ts'
import { WantedEntries } from './wanted-entries.ts'

export interface SharedLayoutOptions {
  readonly devicePrefix: string
  readonly serverIpv4: string
  readonly mtu: number
  readonly prefix: Prefix
  /** Where further prefixes of tunnels are taken from. */
  readonly routed?: RoutedRange | undefined
  /** Elements that the filter's sets are made for at first: see setRoom. */
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
  /** Takes away what was made with another device prefix, whose rules this filter takes away. Returns why some may stay. */
  readonly removeFormerPrefix?: () => Promise<string | undefined>
  /** Tells of other programs' routes to networks of tunnels before these are put: see ForeignRoutes. */
  readonly tellForeign?: (networks: readonly string[]) => Promise<void>
}

const NOTHING: Traffic = { packets: 0, bytes: 0 }
/** How long a comparison is believed while the monitors tell of no harm. */
const BELIEVED_MS = 600_000
/**
 * Entries whose elements and routes are made one after the other. The kernel lets nobody else have the processor while it
 * puts the elements of a transaction in: with 5,000 a page took five times as long, and no tunnel was up sooner.
 */
const ENTRIES_AT_ONCE = 500

/**
 * The server's ends of the tunnels as one sit device for all (RFC 4213 3): a route a tunnel says where packets go, an
 * element of a set which packets may come. Costs the same a packet with ten tunnels and with a hundred thousand. An
 * element is made before its route and goes after it, so that nothing answers for a tunnel that could not be filtered.
 */
export class SharedLayout implements Interfaces {
  readonly kind = 'sit'
  readonly #devicePrefix: string
  readonly #numbering: { readonly devicePrefix: string; readonly prefix: Prefix }
  readonly #filterOptions: FilterOptions
  readonly #filter: KnownFilter
  readonly #sleepers: Sleepers
  readonly #runIp: RunIp
  readonly #routes: RouteTable
  readonly #forwardingPath: string | undefined
  readonly #device: SharedDevice
  #wanted = new WantedEntries()
  #watch: SharedLayoutWatch | undefined
  /** When the comparison began that found, or left, all as it should be; undefined if the last one did not. */
  #soundAt: number | undefined
  /** How often others' harm was heard of: a comparison may have looked before it. */
  #harms = 0
  readonly #removeFormerPrefix: () => Promise<string | undefined>
  readonly #tellForeign: (networks: readonly string[]) => Promise<void>
  /** Whether nothing of the other layout is left. */
  #isCleared = false
  #obstacle: string | undefined
  #preparing: Promise<readonly LinkFault[]> | undefined

  constructor(options: SharedLayoutOptions) {
    const { devicePrefix, serverIpv4, mtu, capacity } = options
    this.#devicePrefix = devicePrefix
    this.#numbering = options
    this.#filterOptions = {
      device: sharedDevice(devicePrefix),
      serverIpv4,
      mtu,
      capacity,
      pool: formatPrefix(options.prefix),
      routed: options.routed,
    }
    this.#runIp = options.runIp ?? runIp
    this.#device = new SharedDevice(this.#filterOptions, this.#runIp)
    this.#filter = new KnownFilter(this.#filterOptions, {
      runIp: this.#runIp,
      runNft: options.runNft ?? runNft,
      listElements: options.listElements,
      readGeneration: options.readGeneration,
      wanted: () => this.#wanted.all(),
    })
    this.#sleepers = new Sleepers(this.#filter.sleepers)
    this.#routes = options.routes ?? new IpRoutes(this.#runIp, this.#filterOptions.device)
    this.#forwardingPath = options.forwardingPath
    this.#removeFormerPrefix = options.removeFormerPrefix ?? (async () => undefined)
    this.#tellForeign = options.tellForeign ?? (async () => undefined)
  }

  /** Whoever asks while it runs is told its outcome. */
  prepare(): Promise<readonly LinkFault[]> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined
    })
    return this.#preparing
  }

  async #prepare(): Promise<readonly LinkFault[]> {
    const standing = await this.#clear()
    if (standing.length > 0) {
      await this.#filter.closeUnfiltered()
      return standing
    }
    const fault = await this.#filter.ensure()
    if (fault !== undefined && this.#filter.trouble !== undefined) return [fault]
    const faults = [
      fault,
      ...(await routePools(this.#runIp, 'unreachable', this.#pools())),
      await turnForwardingOn(this.#forwardingPath),
      await this.#device.ensure({ isUsed: () => !this.#wanted.isEmpty }),
    ]
    return faults.filter(fault => fault !== undefined)
  }

  /** First of all: this layout's filter takes away the rules that the other one's devices have. */
  async #clear(): Promise<readonly LinkFault[]> {
    if (this.#isCleared) return []
    const standing = [...(await this.#device.removeOthers(this.#devicePrefix))]
    const former = await this.#removeFormerPrefix()
    if (former !== undefined) standing.push({ device: NO_DEVICE, reason: former })
    this.#isCleared = standing.length === 0
    this.#obstacle =
      standing[0] &&
      `no source filter, so no tunnels: what was made before is in the way: ${standing[0].reason}`
    return standing
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const { entries, faults } = await sift(links, this.#filterOptions.mtu)
    return this.#unsoundIf([...faults, ...(await this.#createAll(entries))])
  }

  async #createAll(entries: readonly Entry[]): Promise<readonly LinkFault[]> {
    const obstacle = this.#obstacle
    if (obstacle !== undefined) return entries.map(({ device }) => ({ device, reason: obstacle }))
    const networks: string[] = []
    await inTurns(entries, entry => networks.push(formatNetwork(entry)))
    await this.#tellForeign(networks)
    const faults: LinkFault[] = []
    for (const some of wholeTunnels(entries, ENTRIES_AT_ONCE)) faults.push(...(await this.#create(some)))
    return this.#unsoundIf(faults)
  }

  #unsoundIf(faults: readonly LinkFault[]): readonly LinkFault[] {
    if (faults.length > 0) this.#soundAt = undefined
    return faults
  }

  async #create(entries: readonly Entry[]): Promise<readonly LinkFault[]> {
    const former = this.#wanted.formerOf(entries)
    this.#wanted.note(entries) // first, so that who watches knows the changes for ours
    const reason = await this.#filter.admit(entries)
    if (reason !== undefined) return entries.map(({ device }) => ({ device, reason }))
    const reasons = await this.#routes.put(entries)
    const failed = [...reasons.keys()]
    if (failed.length > 0) await this.#removeEntries(this.#wanted.wholeOf(failed))
    return [...faultsOf(reasons), ...(await this.#removeFormer(former))]
  }

  /** A move is what a creation is: the set's element and the route are replaced, and what a tunnel has no more goes. */
  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.create(links)
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const entries: Entry[] = []
    for (const device of devices) {
      entries.push(...(this.#wanted.of(device) ?? entryByNumber(device, this.#numbering)))
    }
    return this.#removeEntries(entries)
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    if (this.isSound() && this.#wanted.isAll(wanted, this.#filterOptions.mtu)) {
      const faults = await this.prepare()
      return { made: this.#device.takeAmiss() ? wanted.map(({ device }) => device) : [], removed: [], faults }
    }
    const start = performance.now()
    const harms = this.#harms
    this.#soundAt = undefined
    const outcome = await this.#compare(wanted)
    if (outcome.faults.length === 0 && this.#harms === harms) this.#soundAt = start
    return outcome
  }

  trouble(): string | undefined {
    return this.#obstacle ?? this.#filter.trouble
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
    const found = { elements: seen.elements, routed: listing }
    const { entries, faults } = await sift(wanted, this.#filterOptions.mtu)
    const isAllAnew = this.#device.takeAmiss()
    this.#wanted = await WantedEntries.of(entries)
    await this.#filter.remember(seen)
    const standing = await this.#device.removeOthers(this.#devicePrefix)
    const old = this.#device.takeReplaced()
    const strays = await removeStrays(entries, found, { routes: this.#routes, filter: this.#filter })
    const names = new Set<string>()
    await inTurns(entries, entry => {
      if (!isWhole(entry, found)) names.add(entry.device)
    })
    const creation = await this.#createAll(entries.filter(({ device }) => names.has(device)))
    const failed = new Set(creation.map(fault => fault.device))
    const made = isAllAnew ? entries.map(entry => entry.device) : [...names]
    return {
      made: made.filter(name => !failed.has(name)),
      removed: [...old, ...strays.removed],
      faults: [...preparation, ...faults, ...standing, ...strays.faults, ...creation],
    }
  }

  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const entries = devices.flatMap(device => this.#wanted.of(device) ?? [])
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
      const keys = (this.#wanted.of(device) ?? []).map(keyOf)
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
      isWanted: target => this.#wanted.has(target),
      harmed: () => {
        this.#harms++
        this.#soundAt = undefined
        this.#filter.doubt()
        harmed()
      },
    })
    this.#watch = watch
    return () => {
      this.#watch = undefined
      watch.stop()
    }
  }

  /** Takes away parts of tunnels that stay. */
  async #removeFormer(former: readonly Entry[]): Promise<readonly LinkFault[]> {
    if (former.length === 0) return []
    this.#wanted.forgetNetworks(former)
    return faultsOf(await this.#unmake(former))
  }

  #pools(): readonly string[] {
    const { pool, routed } = this.#filterOptions
    return routed === undefined ? [pool] : [pool, formatPrefix(routed.prefix)]
  }

  async #removeEntries(entries: readonly Entry[]): Promise<readonly LinkFault[]> {
    if (entries.length === 0) return []
    this.#wanted.forgetNetworks(entries) // who watches knows the changes for ours
    const reasons = await this.#unmake(entries)
    this.#wanted.forgetTunnels(entries, new Set([...reasons.keys()].map(({ device }) => device)))
    if (reasons.size > 0) this.#soundAt = undefined
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
}

function sumOf(counted: ReadonlyMap<string, Traffic>, keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + innerOctets(counted.get(key) ?? NOTHING), 0)
}

/** One for each tunnel. */
function faultsOf(reasons: ReadonlyMap<Entry, string>): LinkFault[] {
  const byDevice = new Map(Array.from(reasons, ([{ device }, reason]) => [device, reason]))
  return Array.from(byDevice, ([device, reason]) => ({ device, reason }))
}
