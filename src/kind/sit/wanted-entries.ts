import { inTurns } from '../../shared/in-turns.ts'
import { type Link, smallerMtu } from '../../tunnel/interface.ts'
import { type Entry, formatNetwork } from './shared-layout-entry.ts'
import type { Target } from './shared-layout-watch.ts'

/** What the kernel was last asked for: of each tunnel its link and, if it has one, its routed prefix. */
export class WantedEntries {
  readonly #byDevice = new Map<string, readonly Entry[]>()
  readonly #byNetwork = new Map<string, Entry>()

  /** Those of a whole table; of one tunnel they follow one another. */
  static async of(entries: readonly Entry[]): Promise<WantedEntries> {
    const all = new WantedEntries()
    await inTurns(entries, entry => {
      const own = all.#byDevice.get(entry.device)
      all.#byDevice.set(entry.device, own === undefined ? [entry] : [...own, entry])
      all.#byNetwork.set(entry.network, entry)
    })
    return all
  }

  get isEmpty(): boolean {
    return this.#byDevice.size === 0
  }

  all(): readonly Entry[] {
    return [...this.#byDevice.values()].flat()
  }

  /** Undefined: nothing was asked for. */
  of(device: string): readonly Entry[] | undefined {
    return this.#byDevice.get(device)
  }

  note(entries: readonly Entry[]): void {
    for (const [device, own] of Map.groupBy(entries, entry => entry.device)) this.#byDevice.set(device, own)
    for (const entry of entries) this.#byNetwork.set(entry.network, entry)
  }

  /** Forgets parts of tunnels, which stay for the rest. */
  forgetNetworks(entries: readonly Entry[]): void {
    for (const { network } of entries) this.#byNetwork.delete(network)
  }

  /** Forgets the tunnels of these entries but for those in `left`, which are still there. */
  forgetTunnels(entries: readonly Entry[], left: ReadonlySet<string>): void {
    for (const entry of entries) {
      if (!left.has(entry.device)) this.#byDevice.delete(entry.device)
      else if (this.#byDevice.has(entry.device)) this.#byNetwork.set(entry.network, entry)
    }
  }

  /** What the tunnels of these entries have beyond them, such as a routed prefix that was given back. */
  formerOf(entries: readonly Entry[]): readonly Entry[] {
    const networks = new Set(entries.map(({ network }) => network))
    const devices = new Set(entries.map(({ device }) => device))
    return [...devices].flatMap(device =>
      (this.#byDevice.get(device) ?? []).filter(({ network }) => !networks.has(network)),
    )
  }

  /** All that the tunnels have of which these are a part: half of one is of no use. */
  wholeOf(parts: readonly Entry[]): readonly Entry[] {
    return [...new Set(parts.map(({ device }) => device))].flatMap(device => this.#byDevice.get(device) ?? [])
  }

  /** Is it these that were asked for? `mtu` is that of a link without one of its own. */
  isAll(wanted: readonly Link[], mtu: number): boolean {
    if (wanted.length !== this.#byDevice.size) return false
    return wanted.every(link => {
      const { device, ipv4Client, ipv6Server, routedPrefix } = link
      const [own, routed] = this.#byDevice.get(device) ?? []
      const isRouted = (routed === undefined ? undefined : formatNetwork(routed)) === routedPrefix
      const isOfMtu = own?.mtu === smallerMtu(link, mtu)
      return isRouted && isOfMtu && own?.endpoint === ipv4Client && own.serverAddress === ipv6Server
    })
  }

  has({ endpoint, network }: Target): boolean {
    const entry = this.#byNetwork.get(network)
    return entry !== undefined && (endpoint === undefined || endpoint === entry.endpoint)
  }
}
