import { NO_DEVICE } from '../../kernel/forwarding.ts'
import { type RunIp, reasonOf } from '../../kernel/ip-command.ts'
import type { RunNft } from '../../kernel/nft-command.ts'
import type { LinkFault } from '../../tunnel/interface.ts'
import {
  type Admitted,
  changeElements,
  type ElementChange,
  elementsByKey,
  elementsOf,
  endpointsByNetwork,
  type FilterSet,
  getElements,
  listElements,
  sizeIn,
  type Traffic,
  transactionsOf,
} from './shared-layout-elements.ts'
import { type Entry, NO_ENDPOINT } from './shared-layout-entry.ts'
import {
  type FilterOptions,
  filterStands,
  installFilter,
  readRules,
  remakeFilter,
} from './shared-layout-filter.ts'
import { guardCommand } from './shared-layout-routes.ts'
import type { SleeperSet } from './sleepers.ts'

/** Elements of a set by their keys; undefined: there is none. */
export type ListElements = (set: FilterSet) => Promise<ReadonlyMap<string, Admitted & Traffic> | undefined>
type ReadGeneration = () => Promise<number | undefined>

/** What one look at the set found: its elements by their keys, and how things stood before the look. */
export interface Seen {
  readonly elements: ReadonlyMap<string, Admitted>
  /** Of nftables. */
  readonly generation: number | undefined
  readonly doubts: number
  /** From memory: it is remembered already. */
  readonly isKnown: boolean
}

const ALREADY_THERE = /File exists/
const NO_TABLE = /No such file or directory/
const UNREADABLE = 'the set of the source filter can not be read'
/** Elements that are cheaper to get one by one than with all others. */
const FEW_ELEMENTS = 200
/** The set is read at the hourly comparison, whatever the generations say. */
const LISTING_INTERVAL_MS = 3_500_000

/**
 * The filter of the shared layout together with what we know of it: while the generation of nftables says that nobody
 * else has changed anything, rules and elements are known without being read.
 */
export class KnownFilter {
  readonly #options: FilterOptions
  readonly #runIp: RunIp
  readonly #runNft: RunNft
  readonly #listElements: ListElements
  readonly #readGeneration: ReadGeneration
  readonly #wanted: () => readonly Admitted[]
  #trouble: string | undefined
  /** The rules as they were listed when we had made them. */
  #rules: string | undefined
  /** The generation at which rules and elements were all as we know them; undefined: they have to be read. */
  #generation: number | undefined
  /** How often what is known was put in doubt. */
  #doubts = 0
  #listedAt = Number.NEGATIVE_INFINITY
  /** Endpoints that the set admits, by network; undefined until it was read. */
  #admitted: Map<string, string> | undefined

  /** `wanted` tells what a set that has to be made anew admits besides what it has. */
  constructor(
    options: FilterOptions,
    kernel: {
      readonly runIp: RunIp
      readonly runNft: RunNft
      readonly listElements: ListElements | undefined
      readonly readGeneration: ReadGeneration | undefined
      readonly wanted: () => readonly Admitted[]
    },
  ) {
    this.#options = options
    this.#runIp = kernel.runIp
    this.#runNft = kernel.runNft
    this.#listElements = kernel.listElements ?? (set => listElements(this.#runNft, set))
    this.#readGeneration = kernel.readGeneration ?? (async () => undefined)
    this.#wanted = kernel.wanted
  }

  /** Why the filter is not there; undefined while it is. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /**
   * Brings guard and rules up to date. Without them there is no device: what it let in could have any source. A filter
   * that stands and lets in whom it should is kept if that fails.
   */
  async ensure(): Promise<LinkFault | undefined> {
    const { device } = this.#options
    const guard = await this.#runIp(guardCommand(device).split(' '))
    const isGuarded = guard.status === 0 || ALREADY_THERE.test(guard.stderr)
    const reason = isGuarded ? await this.#ensureRules() : reasonOf(guard.stderr)
    const stands = reason === undefined || (isGuarded && (await filterStands(this.#runNft, this.#options)))
    this.#trouble = stands ? undefined : `no source filter, so no tunnels: ${reason}`
    if (reason === undefined) return undefined
    if (this.#trouble === undefined)
      return { device: NO_DEVICE, reason: `the source filter stays as it is: ${reason}` }
    await this.#runIp(['tunnel', 'del', device])
    return { device, reason: this.#trouble }
  }

  /** Takes the device away unless a filter stands; for as long as nothing may be brought up to date. */
  async closeUnfiltered(): Promise<void> {
    if (await filterStands(this.#runNft, this.#options)) return
    await this.#runIp(['tunnel', 'del', this.#options.device])
  }

  /** From memory while nothing was changed but by us, though once an hour the set is read; undefined: there is none. */
  async look(): Promise<Seen | undefined> {
    const doubts = this.#doubts
    const generation = await this.#readGeneration()
    const known = this.#isKnown(generation) ? this.#admitted : undefined
    const elements = known === undefined ? await this.#list() : await elementsByKey(known)
    return elements && { elements, generation, doubts, isKnown: known !== undefined }
  }

  /** Takes what a look found for what is there. */
  async remember({ elements, generation, doubts, isKnown }: Seen): Promise<void> {
    if (!isKnown) this.#admitted = await endpointsByNetwork(elements.values())
    this.#know(generation, doubts)
  }

  /** Somebody else was heard to change what is ours: the next look reads, whatever the generations say. */
  doubt(): void {
    this.#doubts++
    this.#generation = undefined
  }

  /** Puts the entries' elements in, and takes those out that admit their networks from elsewhere. */
  async admit(entries: readonly Entry[]): Promise<string | undefined> {
    const known = await this.#readAdmitted()
    if (known === undefined) return UNREADABLE
    const refused = entries.flatMap(({ endpoint, network }) => {
      const former = known.get(network)
      return former === undefined || former === endpoint ? [] : [{ endpoint: former, network }]
    })
    const added = entries.filter(({ endpoint, network }) => known.get(network) !== endpoint).length
    const reason =
      (await this.#makeRoom(known.size + added)) ?? (await this.#change({ refused, admitted: entries }))
    if (reason !== undefined) return reason
    for (const { network, endpoint } of entries) known.set(network, endpoint)
    return undefined
  }

  /** Takes the entries' elements out, and what else admits their networks: a move may have failed half-way. */
  async refuse(entries: readonly Entry[]): Promise<string | undefined> {
    const known = await this.#readAdmitted()
    if (known === undefined) return UNREADABLE
    const refused = entries.flatMap(({ endpoint, network }) => {
      const endpoints = new Set([endpoint, known.get(network) ?? endpoint])
      endpoints.delete(NO_ENDPOINT)
      return Array.from(endpoints, one => ({ endpoint: one, network }))
    })
    const reason = await this.#change({ refused, admitted: [] })
    if (reason !== undefined) return reason
    for (const { network } of entries) known.delete(network)
    return undefined
  }

  /** Takes elements out that are no tunnel's; `kept` are all others. */
  async refuseStrays(strays: readonly Admitted[], kept: readonly Admitted[]): Promise<string | undefined> {
    if (strays.length === 0) return undefined
    const reason = await this.#change({ refused: strays, admitted: [] })
    if (reason === undefined) this.#admitted = await endpointsByNetwork(kept)
    return reason
  }

  /** What came through these entries' tunnels, by key. Few are asked for one by one; more are read with the whole set. */
  async traffic(entries: readonly Entry[]): Promise<ReadonlyMap<string, Traffic>> {
    const few =
      entries.length > FEW_ELEMENTS ? undefined : await getElements(this.#runNft, 'tunnels', entries)
    return few ?? (await this.#listElements('tunnels')) ?? new Map()
  }

  /** The set of those that are listened for and not let in: our changes of it are no one else's. */
  get sleepers(): SleeperSet {
    return {
      list: () => this.#listElements('sleepers'),
      change: async (change, held) =>
        (await this.#makeRoom(held + change.admitted.length)) ?? this.#change(change, 'sleepers'),
    }
  }

  /** What came through all tunnels, and what was sent into them, by key. */
  async allTraffic(): Promise<Readonly<Record<'received' | 'sent', ReadonlyMap<string, Traffic>>>> {
    return {
      received: (await this.#listElements('tunnels')) ?? new Map(),
      sent: (await this.#listElements('sent')) ?? new Map(),
    }
  }

  /** Touches nothing that is as it should be, so that whoever watches hears of no change. */
  async #ensureRules(): Promise<string | undefined> {
    if (performance.now() - this.#listedAt > LISTING_INTERVAL_MS) this.#generation = undefined
    if (this.#isKnown(await this.#readGeneration())) return undefined
    this.#generation = undefined
    if (this.#rules !== undefined && (await readRules(this.#runNft)) === this.#rules) return undefined
    const reason = await installFilter(this.#runNft, this.#options, this.#wanted())
    this.#rules = reason === undefined ? await readRules(this.#runNft) : undefined
    return reason
  }

  #list(): Promise<ReadonlyMap<string, Admitted> | undefined> {
    this.#listedAt = performance.now()
    return this.#listElements('tunnels')
  }

  /** Unless a doubt has come since. */
  #know(generation: number | undefined, doubts: number): void {
    if (doubts === this.#doubts) this.#generation = generation
  }

  #isKnown(generation: number | undefined): boolean {
    return generation !== undefined && generation === this.#generation
  }

  /**
   * A change that adds and takes what is there, or not, already is none for the kernel, and is not counted: a change by
   * others at that moment is taken for it until it is heard of.
   */
  async #change(change: ElementChange, set: FilterSet = 'tunnels'): Promise<string | undefined> {
    const doubts = this.#doubts
    const before = await this.#readGeneration()
    const known = this.#generation
    this.#generation = undefined
    const reason = await (set === 'tunnels'
      ? this.#changeOrRestore(change)
      : changeElements(this.#runNft, set, change))
    const after = await this.#readGeneration()
    const isOursAlone = before === known && after !== undefined && before !== undefined
    if (reason === undefined && isOursAlone && after - before <= transactionsOf(change))
      this.#know(after, doubts)
    return reason
  }

  /** A table that was flushed meanwhile is made anew with all that belongs in it. */
  async #changeOrRestore(change: ElementChange): Promise<string | undefined> {
    const reason = await changeElements(this.#runNft, 'tunnels', change)
    if (reason === undefined || !NO_TABLE.test(reason)) return reason
    await this.ensure()
    if (this.#trouble !== undefined) return this.#trouble
    const known = await this.#readAdmitted()
    if (known === undefined) return UNREADABLE
    return (
      (await this.#makeRoom(known.size + change.admitted.length)) ??
      (await changeElements(this.#runNft, 'tunnels', { refused: [], admitted: elementsOf(known) })) ??
      (await changeElements(this.#runNft, 'tunnels', change))
    )
  }

  /**
   * Makes the filter anew if one of its sets is to have more elements than it was made for. This is not left until the
   * kernel refuses a change: its words on thousands of elements are more than nft's socket holds, and calls after it fail.
   */
  async #makeRoom(elements: number): Promise<string | undefined> {
    const size = this.#rules === undefined ? undefined : sizeIn(this.#rules)
    if (size === undefined || elements <= size) return undefined
    const held = await this.#listElements('tunnels')
    if (held === undefined) return UNREADABLE
    const wanted = this.#wanted()
    const options = { ...this.#options, capacity: Math.max(this.#options.capacity, 2 * elements) }
    const reason = await remakeFilter(this.#runNft, options, [...held.values(), ...wanted])
    if (reason !== undefined) return reason
    for (const { network, endpoint } of wanted) this.#admitted?.set(network, endpoint)
    this.#rules = await readRules(this.#runNft)
    return undefined
  }

  /** Undefined if the set can't be read: nobody knows then which former endpoints a change has to take out. */
  async #readAdmitted(): Promise<Map<string, string> | undefined> {
    if (this.#admitted !== undefined) return this.#admitted
    const elements = await this.#listElements('tunnels')
    this.#admitted = elements && (await endpointsByNetwork(elements.values()))
    return this.#admitted
  }
}
