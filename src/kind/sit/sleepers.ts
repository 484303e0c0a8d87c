import { type RunNft, runTransaction } from '../../kernel/nft-command.ts'
import type { Link } from '../../tunnel/interface.ts'
import {
  type Admitted,
  changeElements,
  type ElementChange,
  FILTER_TABLE,
  keyOf,
  listElements,
  readSize,
  type Traffic,
} from './shared-layout-elements.ts'
import { entriesOf } from './shared-layout-entry.ts'

/** The set in which packets of dormant tunnels are counted: an element each, for its endpoint and source addresses. */
export interface SleeperSet {
  /** By key; undefined: there is no set now. */
  list(): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined>
  /** `held`: how many there are before. Returns why that did not work; it is tried again with the next call. */
  change(change: ElementChange, held: number): Promise<string | undefined>
}

/** Listens for the clients of dormant tunnels by a set of nftables. */
export class Sleepers {
  readonly #set: SleeperSet
  #listensForNobody = false

  constructor(set: SleeperSet) {
    this.#set = set
  }

  /** See Interfaces.listenFor. */
  async listenFor(links: readonly Link[]): Promise<ReadonlySet<string>> {
    if (links.length === 0 && this.#listensForNobody) return new Set()
    const listened = await this.#set.list()
    if (listened === undefined) return new Set()
    const wanted = new Map(links.flatMap(link => entriesOf(link) ?? []).map(entry => [keyOf(entry), entry]))
    const heard = new Set([...wanted.keys()].filter(key => (listened.get(key)?.packets ?? 0) > 0))
    // An element that is taken out and put in again in one transaction counts from 0.
    const refused = [...listened].filter(([key]) => heard.has(key) || !wanted.has(key)).map(elementOf)
    const admitted = [...wanted].filter(([key]) => heard.has(key) || !listened.has(key)).map(elementOf)
    const reason =
      refused.length + admitted.length > 0
        ? await this.#set.change({ refused, admitted }, listened.size)
        : undefined
    this.#listensForNobody = wanted.size === 0 && reason === undefined
    return new Set([...heard].flatMap(key => wanted.get(key)?.device ?? []))
  }
}

/** A set of its own, for the layout that has no other. */
export class OwnSleeperSet implements SleeperSet {
  readonly #run: RunNft
  readonly #serverIpv4: string
  #capacity: number

  constructor(run: RunNft, options: { readonly serverIpv4: string; readonly capacity: number }) {
    this.#run = run
    this.#serverIpv4 = options.serverIpv4
    this.#capacity = options.capacity
  }

  async list(): Promise<ReadonlyMap<string, Admitted & Traffic> | undefined> {
    const listed = await listElements(this.#run, 'sleepers')
    if (listed !== undefined) return listed
    return (await runTransaction(this.#run, this.#lines())) === undefined ? new Map() : undefined
  }

  /** A set that is too small is made anew with twice the room; those that it loses by that are put in the next time. */
  async change(change: ElementChange, held: number): Promise<string | undefined> {
    const size = await readSize(this.#run, 'sleepers')
    const needed = held + change.admitted.length
    const reason = size !== undefined && needed > size ? await this.#remake(2 * needed) : undefined
    return reason ?? changeElements(this.#run, 'sleepers', change)
  }

  #remake(capacity: number): Promise<string | undefined> {
    this.#capacity = Math.max(this.#capacity, capacity)
    const table = `table ip ${FILTER_TABLE}`
    return runTransaction(this.#run, [`add ${table}`, `delete ${table}`, ...this.#lines()])
  }

  /** Nothing is dropped here: what no device takes goes nowhere. */
  #lines(): readonly string[] {
    const table = `ip ${FILTER_TABLE}`
    return [
      `add table ${table}`,
      `add set ${table} sleepers { typeof ip saddr . @nh,224,64; size ${this.#capacity}; counter; }`,
      `add chain ${table} sleepers { type filter hook input priority filter; policy accept; }`,
      `flush chain ${table} sleepers`,
      `add rule ${table} sleepers meta l4proto 41 ip daddr ${this.#serverIpv4} ip hdrlength 5 ip saddr . @nh,224,64 @sleepers accept`,
    ]
  }
}

function elementOf<T>([, value]: readonly [string, T]): T {
  return value
}
