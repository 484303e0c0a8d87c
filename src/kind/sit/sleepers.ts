import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import type { Link } from '../../tunnel/interface.ts'
import {
  type Admitted,
  changeElements,
  type ElementChange,
  FILTER_TABLE,
  keyOf,
  listElements,
  type Traffic,
} from './shared-layout-elements.ts'
import { type Entry, entriesOf } from './shared-layout-entry.ts'

/** The set in which packets of dormant tunnels are counted: an element each, for its endpoint and source addresses. */
export interface SleeperSet {
  /** By key; undefined: there is no set now. */
  list(): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined>
  /** Returns why that did not work; it is tried again with the next call. */
  change(change: ElementChange): Promise<string | undefined>
}

/** Listens for the clients of dormant tunnels by a set of nftables. */
export class Sleepers {
  readonly #set: SleeperSet
  readonly #capacity: number
  #listensForNobody = false

  constructor(set: SleeperSet, capacity: number) {
    this.#set = set
    this.#capacity = capacity
  }

  /** See Interfaces.listenFor. */
  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    if (links.length === 0 && this.#listensForNobody) return new Set()
    const listened = await this.#set.list()
    if (listened === undefined) return new Set()
    const wanted = this.#entries(links)
    const heard = new Set([...wanted.keys()].filter(key => (listened.get(key)?.packets ?? 0) > 0))
    // An element that is taken out and put in again in one transaction counts from 0.
    const refused = [...listened].filter(([key]) => heard.has(key) || !wanted.has(key)).map(elementOf)
    const admitted = [...wanted].filter(([key]) => heard.has(key) || !listened.has(key)).map(elementOf)
    const reason =
      refused.length + admitted.length > 0 ? await this.#set.change({ refused, admitted }) : undefined
    this.#listensForNobody = wanted.size === 0 && reason === undefined
    return new Set([...heard].flatMap(key => wanted.get(key)?.device ?? []))
  }

  /** No more than the set has room for. */
  #entries(links: readonly Link[]): ReadonlyMap<string, Entry> {
    const entries = links.flatMap(link => entriesOf(link) ?? []).slice(0, this.#capacity)
    return new Map(entries.map(entry => [keyOf(entry), entry]))
  }
}

/** A set of its own, for the layout that has no other. */
export class OwnSleeperSet implements SleeperSet {
  readonly #run: RunNft
  readonly #serverIpv4: string
  readonly #capacity: number

  constructor(run: RunNft, options: { readonly serverIpv4: string; readonly capacity: number }) {
    this.#run = run
    this.#serverIpv4 = options.serverIpv4
    this.#capacity = options.capacity
  }

  async list(): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
    const listed = await listElements(this.#run, 'sleepers')
    if (listed !== undefined) return listed
    return (await this.#install()) === undefined ? new Map() : undefined
  }

  change(change: ElementChange): Promise<string | undefined> {
    return changeElements(this.#run, 'sleepers', change)
  }

  /** Nothing is dropped here: what no device takes goes nowhere. */
  #install(): Promise<string | undefined> {
    const table = `ip ${FILTER_TABLE}`
    return runTransaction(this.#run, [
      `add table ${table}`,
      `add set ${table} sleepers { typeof ip saddr . @nh,224,64; size ${this.#capacity}; counter; }`,
      `add chain ${table} sleepers { type filter hook input priority filter; policy accept; }`,
      `flush chain ${table} sleepers`,
      `add rule ${table} sleepers meta l4proto 41 ip daddr ${this.#serverIpv4} ip hdrlength 5 ip saddr . @nh,224,64 @sleepers accept`,
    ])
  }
}

function elementOf<T>([, value]: readonly [string, T]): T {
  return value
}
