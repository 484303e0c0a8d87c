import { formatIpv6 } from '../../address/ipv6.ts'
import { formatPrefix, type Prefix } from '../../address/prefix.ts'
import { NO_DEVICE, routePool, turnForwardingOn } from '../../kernel/forwarding.ts'
import { LINK_TTL, type RunIp, reasonOf, runBatch, runIp } from '../../kernel/ip-command.ts'
import { type KernelLink, listLinks } from '../../kernel/kernel-link.ts'
import { type RunNft, runNft } from '../../kernel/nft-command.ts'
import type { Interfaces, Link, LinkFault, Reconciliation } from '../../tunnel/interface.ts'
import { type Entry, entryOf, formatNetwork, networkOf } from './shared-layout-entry.ts'
import {
  type Admitted,
  changeAdmitted,
  type FilterOptions,
  getAdmitted,
  installFilter,
  keyOf,
  listAdmitted,
  readRules,
  type Traffic,
  transactionsOf,
} from './shared-layout-filter.ts'
import {
  BATCH_TUNNELS,
  deviceCommands,
  GONE,
  guardCommand,
  IpRoutes,
  type Routed,
  type RouteTable,
  runLines,
} from './shared-layout-routes.ts'
import { SharedLayoutWatch } from './shared-layout-watch.ts'

export interface SharedLayoutOptions {
  readonly devicePrefix: string
  readonly serverIpv4: string
  readonly mtu: number
  readonly prefix: Prefix
  /** Most tunnels there can be. */
  readonly capacity: number
  readonly runIp?: RunIp
  readonly runNft?: RunNft
  /** In place of the program `ip`. */
  readonly routes?: RouteTable
  /** In place of a listing by `nft`. */
  readonly listElements?: () => Promise<ReadonlyMap<string, Admitted & Traffic> | undefined>
  /** Reads a number that changes with each change of nftables by anybody: see readNftGeneration. */
  readonly readGeneration?: () => Promise<number | undefined>
  readonly forwardingPath?: string
}

const ALREADY_THERE = /File exists/
const NO_TABLE = /No such file or directory/
/** Of the 32 bits of a tunnel's prefix that count the pool's networks (AddressPool). */
const INDEX_AT = 4
const LAST_OCTET = 15
const NETWORK_DIGITS = 16
/** Elements that are cheaper to get one by one than with all others. */
const FEW_ELEMENTS = 200
/** The monitors are taken to hear all from this time after their start on. */
const WATCH_START_MS = 3000
/** The set is read at the hourly comparison, whatever the generations say. */
const LISTING_INTERVAL_MS = 3_500_000
/** How long a comparison is believed while the monitors tell of no harm. */
const BELIEVED_MS = 600_000
const NO_ENDPOINT = '0.0.0.0'
const UNREADABLE = 'the set of the source filter can not be read'

/**
 * The server's ends of the tunnels as one sit device for all (RFC 4213 3): a route a tunnel says where packets go, an
 * element of a set which packets may come. Costs the same a packet with ten tunnels and with a hundred thousand. An
 * element is made before its route and goes after it, so that nothing answers for a tunnel that could not be filtered.
 */
export class SharedLayout implements Interfaces {
  readonly kind = 'sit'
  readonly #devicePrefix: string
  readonly #prefix: Prefix
  readonly #filter: FilterOptions
  readonly #runIp: RunIp
  readonly #runNft: RunNft
  readonly #routes: RouteTable
  readonly #listElements: () => Promise<ReadonlyMap<string, Admitted & Traffic> | undefined>
  readonly #readGeneration: () => Promise<number | undefined>
  readonly #forwardingPath: string | undefined
  /** What the kernel was last asked for, by device. */
  readonly #entries = new Map<string, Entry>()
  /** The same by network. */
  readonly #networks = new Map<string, Entry>()
  #watch: SharedLayoutWatch | undefined
  #watchedSince = Number.POSITIVE_INFINITY
  /** When the comparison began that found, or left, all as it should be; undefined if the last one did not. */
  #soundAt: number | undefined
  #preparing: Promise<readonly LinkFault[]> | undefined
  #trouble: string | undefined
  /** The rules as they were listed when we had made them. */
  #rules: string | undefined
  /** The generation at which rules and elements were all as we know them; undefined: they have to be read. */
  #knownGeneration: number | undefined
  #listedAt = Number.NEGATIVE_INFINITY
  /** Endpoints that the set admits, by network; undefined until it was read. */
  #admitted: Map<string, string> | undefined

  constructor(options: SharedLayoutOptions) {
    const { devicePrefix, serverIpv4, mtu, capacity } = options
    this.#devicePrefix = devicePrefix
    this.#prefix = options.prefix
    this.#filter = {
      device: sharedDevice(devicePrefix),
      serverIpv4,
      mtu,
      capacity,
      pool: formatPrefix(options.prefix),
    }
    this.#runIp = options.runIp ?? runIp
    this.#runNft = options.runNft ?? runNft
    this.#listElements = options.listElements ?? (() => listAdmitted(this.#runNft))
    this.#readGeneration = options.readGeneration ?? (async () => undefined)
    this.#routes = options.routes ?? new IpRoutes(this.#runIp, this.#filter.device)
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
    const closed = await this.#close()
    if (closed !== undefined) return [closed]
    const faults = [
      await routePool(this.#runIp, 'unreachable', this.#filter.pool),
      await turnForwardingOn(this.#forwardingPath),
      await this.#makeDevice(),
    ]
    return faults.filter(fault => fault !== undefined)
  }

  async create(links: readonly Link[]): Promise<readonly LinkFault[]> {
    const { entries, faults } = sift(links)
    if (entries.length === 0) return faults
    for (const entry of entries) this.#note(entry) // first, so that who watches knows the changes for ours
    const reason = await this.#admit(entries)
    if (reason !== undefined) return [...faults, ...entries.map(({ device }) => ({ device, reason }))]
    const reasons = await this.#routes.put(entries)
    const failed = [...reasons.keys()]
    if (failed.length > 0) await this.#removeEntries(failed)
    return [...faults, ...Array.from(reasons, ([entry, why]) => ({ device: entry.device, reason: why }))]
  }

  /** A move is what a creation is: the set's element and the route are replaced. */
  changeRemote(links: readonly Link[]): Promise<readonly LinkFault[]> {
    return this.create(links)
  }

  async remove(devices: readonly string[]): Promise<readonly LinkFault[]> {
    const entries: Entry[] = []
    for (const device of devices) {
      const entry = this.#entries.get(device) ?? this.#entryByNumber(device)
      if (entry !== undefined) entries.push(entry)
    }
    return this.#removeEntries(entries)
  }

  async reconcile(wanted: readonly Link[]): Promise<Reconciliation> {
    if (this.isSound() && this.#isAll(wanted)) return { made: [], removed: [], faults: await this.prepare() }
    const start = performance.now()
    this.#soundAt = undefined
    const outcome = await this.#compare(wanted)
    if (outcome.faults.length === 0) this.#soundAt = start
    return outcome
  }

  trouble(): string | undefined {
    return this.#trouble
  }

  isSound(): boolean {
    if (this.#soundAt === undefined || this.#watch === undefined) return false
    const isFresh = performance.now() - this.#soundAt < BELIEVED_MS
    return isFresh && this.#soundAt > this.#watchedSince + WATCH_START_MS && this.#watch.isQuiet
  }

  async #compare(wanted: readonly Link[]): Promise<Reconciliation> {
    const preparation = await this.prepare()
    const generation = await this.#readGeneration()
    const elements = await this.#elements(generation)
    const listing = await this.#routes.list()
    if (listing.kind === 'failed' || elements === undefined) {
      const reason = listing.kind === 'failed' ? listing.reason : 'there is no filter'
      return { made: [], removed: [], faults: [...preparation, { device: NO_DEVICE, reason }] }
    }
    const { entries, faults } = sift(wanted)
    this.#remember(entries, elements)
    this.#knownGeneration = generation
    const old = await this.#removeOldDevices()
    const strays = await this.#removeStrays(entries, { elements, routed: listing })
    const amiss = entries.filter(entry => !isWhole(entry, elements, listing))
    const names = new Set(amiss.map(entry => entry.device))
    const creation = await this.create(wanted.filter(link => names.has(link.device)))
    const failed = new Set(creation.map(fault => fault.device))
    return {
      made: [...names].filter(name => !failed.has(name)),
      removed: [...old, ...strays.removed],
      faults: [...preparation, ...faults, ...strays.faults, ...creation],
    }
  }

  /** Few are asked for one by one; more are read with the whole set. */
  async signsOfLife(devices: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const entries = devices.flatMap(device => this.#entries.get(device) ?? [])
    if (entries.length === 0) return new Map()
    const few = entries.length > FEW_ELEMENTS ? undefined : await getAdmitted(this.#runNft, entries)
    const elements = few ?? (await this.#listElements())
    const packets = new Map<string, number>()
    for (const entry of entries) {
      const element = elements?.get(keyOf(entry))
      if (element !== undefined) packets.set(entry.device, element.packets)
    }
    return packets
  }

  /** Calls `harmed` whenever somebody else takes away what a tunnel needs. Returns what ends that. */
  watch(harmed: () => void): () => void {
    const watch = new SharedLayoutWatch({
      device: this.#filter.device,
      isWanted: id => this.#isWanted(id),
      harmed: () => {
        this.#soundAt = undefined
        harmed()
      },
    })
    this.#watch = watch
    this.#watchedSince = performance.now()
    return () => {
      this.#watch = undefined
      watch.stop()
    }
  }

  /** Is this what the kernel was last asked for? */
  #isAll(wanted: readonly Link[]): boolean {
    if (wanted.length !== this.#entries.size) return false
    return wanted.every(({ device, ipv4Client, ipv6Server }) => {
      const entry = this.#entries.get(device)
      return entry?.endpoint === ipv4Client && entry.serverAddress === ipv6Server
    })
  }

  /** Of an element's key or a route's network. */
  #isWanted(id: string): boolean {
    const entry = this.#networks.get(id.slice(-NETWORK_DIGITS))
    return entry !== undefined && (id.length === NETWORK_DIGITS || id === keyOf(entry))
  }

  #note(entry: Entry): void {
    this.#entries.set(entry.device, entry)
    this.#networks.set(entry.network, entry)
  }

  /** Without a filter there is no device: what it let in could have any source. */
  async #close(): Promise<LinkFault | undefined> {
    const { device } = this.#filter
    const guard = await this.#runIp(guardCommand(device).split(' '))
    const reason =
      guard.status === 0 || ALREADY_THERE.test(guard.stderr)
        ? await this.#ensureFilter()
        : reasonOf(guard.stderr)
    this.#trouble = reason && `no source filter, so no tunnels: ${reason}`
    if (this.#trouble === undefined) return undefined
    await this.#runIp(['tunnel', 'del', device])
    return { device, reason: this.#trouble }
  }

  /** From memory while nothing was changed but by us, though once an hour they are read; undefined: there is no set. */
  async #elements(generation: number | undefined): Promise<ReadonlyMap<string, Admitted> | undefined> {
    if (this.#isKnown(generation) && this.#admitted !== undefined) {
      const admitted = Array.from(this.#admitted, ([network, endpoint]) => ({ network, endpoint }))
      return new Map(admitted.map(one => [keyOf(one), one]))
    }
    this.#listedAt = performance.now()
    return this.#listElements()
  }

  #isKnown(generation: number | undefined): boolean {
    return generation !== undefined && generation === this.#knownGeneration
  }

  /** Touches nothing that is as it should be, so that whoever watches hears of no change. */
  async #ensureFilter(): Promise<string | undefined> {
    if (performance.now() - this.#listedAt > LISTING_INTERVAL_MS) this.#knownGeneration = undefined
    if (this.#isKnown(await this.#readGeneration())) return undefined
    this.#knownGeneration = undefined
    if (this.#rules !== undefined && (await readRules(this.#runNft)) === this.#rules) return undefined
    const reason = await installFilter(this.#runNft, this.#filter, [...this.#entries.values()])
    this.#rules = reason === undefined ? await readRules(this.#runNft) : undefined
    return reason
  }

  async #makeDevice(): Promise<LinkFault | undefined> {
    const { device } = this.#filter
    const { add, mend, removeAddress } = deviceCommands(this.#filter)
    const listing = await listLinks(this.#runIp, device)
    if (listing.kind === 'failed') return { device, reason: listing.reason }
    const have = listing.links.get(device)
    if (have !== undefined && isSharedDevice(have, this.#filter)) return undefined
    const changed = await runBatch(this.#runIp, have === undefined ? [add] : mend)
    const cleaned = await runBatch(this.#runIp, [removeAddress])
    const faults = [...cleaned.faults.values(), cleaned.trouble].filter(words => !GONE.test(words ?? ''))
    const reason = [...changed.faults.values(), changed.trouble, ...faults].find(words => words !== undefined)
    return reason === undefined ? undefined : { device, reason }
  }

  /** One that this process has not made itself: its name says which network it has, the set which endpoint. */
  #entryByNumber(device: string): Entry | undefined {
    const number = device.startsWith(this.#devicePrefix) ? device.slice(this.#devicePrefix.length) : ''
    if (!/^\d{1,9}$/.test(number)) return undefined
    const address = Uint8Array.from(this.#prefix.octets)
    const view = new DataView(address.buffer)
    view.setUint32(INDEX_AT, view.getUint32(INDEX_AT) + Number(number))
    address[LAST_OCTET] = 1
    return { device, endpoint: NO_ENDPOINT, network: networkOf(address), serverAddress: formatIpv6(address) }
  }

  /** Puts the entries' elements in, and takes those out that admit their networks from elsewhere. */
  async #admit(entries: readonly Entry[]): Promise<string | undefined> {
    const known = await this.#readAdmitted()
    if (known === undefined) return UNREADABLE
    const refused = entries.flatMap(({ endpoint, network }) => {
      const former = known.get(network)
      return former === undefined || former === endpoint ? [] : [{ endpoint: former, network }]
    })
    const reason = await this.#change({ refused, admitted: entries })
    if (reason !== undefined) return reason
    for (const { network, endpoint } of entries) known.set(network, endpoint)
    return undefined
  }

  /** Takes the entries' elements out, and what else admits their networks: a move may have failed half-way. */
  async #refuse(entries: readonly Entry[]): Promise<string | undefined> {
    const known = await this.#readAdmitted()
    if (known === undefined) return UNREADABLE
    const refused = entries.flatMap(({ endpoint, network }) => {
      const endpoints = new Set([endpoint, known.get(network) ?? endpoint])
      endpoints.delete(NO_ENDPOINT)
      return Array.from(endpoints, one => ({ endpoint: one, network }))
    })
    return this.#change({ refused, admitted: [] })
  }

  /** A change that adds and takes what is there, or not, already is none for the kernel, and is not counted. */
  async #change(change: {
    readonly refused: readonly Admitted[]
    readonly admitted: readonly Admitted[]
  }): Promise<string | undefined> {
    const before = await this.#readGeneration()
    const known = this.#knownGeneration
    this.#knownGeneration = undefined
    const reason = await this.#changeOrRestore(change)
    const after = await this.#readGeneration()
    const isOursAlone = before === known && after !== undefined && before !== undefined
    if (reason === undefined && isOursAlone && after - before <= transactionsOf(change))
      this.#knownGeneration = after
    return reason
  }

  /** A table that was flushed meanwhile is made anew with all that belongs in it. */
  async #changeOrRestore(change: {
    readonly refused: readonly Admitted[]
    readonly admitted: readonly Admitted[]
  }): Promise<string | undefined> {
    const reason = await changeAdmitted(this.#runNft, change)
    if (reason === undefined || !NO_TABLE.test(reason)) return reason
    const fault = await this.#close()
    if (fault !== undefined) return fault.reason
    const listed = await this.#readAdmitted()
    if (listed === undefined) return UNREADABLE
    const known = Array.from(listed, ([network, endpoint]) => ({ network, endpoint }))
    return (
      (await changeAdmitted(this.#runNft, { refused: [], admitted: known })) ??
      (await changeAdmitted(this.#runNft, change))
    )
  }

  /** Undefined if the set can't be read: nobody knows then which former endpoints a change has to take out. */
  async #readAdmitted(): Promise<Map<string, string> | undefined> {
    if (this.#admitted !== undefined) return this.#admitted
    const elements = await this.#listElements()
    this.#admitted = elements && endpointsByNetwork(elements.values())
    return this.#admitted
  }

  #remember(entries: readonly Entry[], elements: ReadonlyMap<string, Admitted>): void {
    this.#entries.clear()
    this.#networks.clear()
    for (const entry of entries) this.#note(entry)
    this.#admitted = endpointsByNetwork(elements.values())
  }

  /** Routes first: what has no route is answered by nobody, whatever the set says. */
  async #removeEntries(entries: readonly Entry[]): Promise<readonly LinkFault[]> {
    if (entries.length === 0) return []
    for (const { network } of entries) this.#networks.delete(network) // who watches knows the changes for ours
    const reasons = await this.#routes.take(entries)
    const gone = entries.filter(entry => !reasons.has(entry))
    const reason = await this.#refuse(gone)
    if (reason !== undefined) for (const entry of gone) reasons.set(entry, reason)
    for (const entry of entries) {
      if (reasons.has(entry)) {
        if (this.#entries.has(entry.device)) this.#networks.set(entry.network, entry)
        continue
      }
      this.#entries.delete(entry.device)
      this.#admitted?.delete(entry.network)
    }
    return Array.from(reasons, ([entry, words]) => ({ device: entry.device, reason: words }))
  }

  /** Takes out routes, then elements, that are ours and no tunnel's. */
  async #removeStrays(
    wanted: readonly Entry[],
    found: { readonly elements: ReadonlyMap<string, Admitted>; readonly routed: Routed },
  ): Promise<{ readonly removed: readonly string[]; readonly faults: readonly LinkFault[] }> {
    const networks = new Set(wanted.map(entry => entry.network))
    const keys = new Set(wanted.map(keyOf))
    const { endpoints, serverAddresses } = found.routed
    const routes = [...new Set([...endpoints.keys(), ...serverAddresses.keys()])].filter(
      network => !networks.has(network),
    )
    const elements = [...found.elements].filter(([key]) => !keys.has(key)).map(([, element]) => element)
    const targets = routes.map(network => ({ network, serverAddress: serverAddresses.get(network) ?? '::' }))
    const reasons = await this.#routes.take(targets)
    const reason = await this.#change({ refused: elements, admitted: [] })
    const faults = Array.from(reasons, ([{ network }, words]) => ({
      device: formatNetwork(network),
      reason: words,
    }))
    if (reason !== undefined) faults.push({ device: NO_DEVICE, reason })
    else this.#admitted = endpointsByNetwork(wanted.filter(entry => found.elements.has(keyOf(entry))))
    const strays = new Set([...routes, ...elements.map(({ network }) => network)])
    const removed = [...strays].filter(network => !networks.has(network)).map(formatNetwork)
    return { removed, faults }
  }

  /** Takes away what the layout of one device a tunnel left behind. */
  async #removeOldDevices(): Promise<readonly string[]> {
    const listing = await listLinks(this.#runIp, this.#devicePrefix)
    if (listing.kind === 'failed') return []
    const old = [...listing.links.keys()].filter(device => device !== this.#filter.device)
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
    const entry = entryOf(link)
    if (entry !== undefined) entries.push(entry)
    else faults.push({ device: link.device, reason: 'the row holds no proper addresses' })
  }
  return { entries, faults }
}

function isWhole(entry: Entry, elements: ReadonlyMap<string, Admitted>, routed: Routed): boolean {
  return (
    elements.has(keyOf(entry)) &&
    routed.endpoints.get(entry.network) === entry.endpoint &&
    routed.serverAddresses.get(entry.network) === entry.serverAddress
  )
}

function endpointsByNetwork(elements: Iterable<Admitted>): Map<string, string> {
  return new Map(Array.from(elements, ({ network, endpoint }) => [network, endpoint]))
}
