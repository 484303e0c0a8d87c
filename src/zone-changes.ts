import type { Config } from './config/config.ts'
import { type Pausing, withTurns } from './shared/in-turns.ts'
import type { TunnelStore } from './store/tunnel-store.ts'
import { TYPE } from './wire/codes.ts'
import { formatName, lowerCaseName } from './wire/name.ts'
import { isAtOrBelow } from './wire/wire-name.ts'
import type { Catalog } from './zone/catalog.ts'
import type { Rrset } from './zone/rrset.ts'
import { ownerOf, type RrsetChange } from './zone/rrset-change.ts'
import { serialCompare, soaSerial, soaWithSerial } from './zone/serial.ts'
import { staticChanges } from './zone/static-difference.ts'
import { keyOf, tunnelApexes } from './zone-apexes.ts'

/** What a reload changes zones through. */
export type ChangedStore = Pick<TunnelStore, 'commit' | 'replaceZone' | 'journal'>

/** Rrsets read between two turns of the event loop. */
const WALKED_AT_ONCE = 2000

/** Changes what differs between a zone that is served and what its file has by now. */
export class ZoneChanges {
  readonly #catalog: Catalog
  /** Static rrsets of the tunnels' zones, by the key of their apex. */
  readonly #ofTunnels = new Map<string, readonly Rrset[]>()

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** Puts the static rrsets of a zone that tunnels live in, whole. */
  putOfTunnels(apex: Uint8Array, rrsets: readonly Rrset[]): void {
    this.#catalog.putZone(apex, rrsets)
    this.#ofTunnels.set(keyOf(apex), rrsets)
  }

  /** Puts a zone in the place of one that could not be loaded: no name of it was answered. */
  replaceFailed(apex: Uint8Array, rrsets: readonly Rrset[], store: ChangedStore): void {
    store.replaceZone(apex, rrsets)
    this.#ofTunnels.set(keyOf(apex), rrsets)
  }

  /** Changes what differs of a zone without tunnels: a secondary hears of no more than that. */
  async changeStatic(apex: Uint8Array, rrsets: readonly Rrset[], store: ChangedStore): Promise<void> {
    const served = await withTurns(this.#served(apex))
    const wanted = withServedSerial(apex, rrsets, served)
    const changes = await withTurns(staticChanges(served, wanted))
    if (changes.length === 0) return
    // Without a journal nobody counts what a commit changes: the zone's contents would be unknown to the next start.
    const isReplaced = served.length === 0 || !store.journal.isKept
    if (isReplaced || this.#childOf(apex, changes) !== undefined) store.replaceZone(apex, wanted)
    else await store.commit(() => ({ outcome: undefined, changes }))
  }

  /** All of a zone without tunnels: nothing but a reload changes it, and there is one at a time. */
  *#served(apex: Uint8Array): Pausing<readonly Rrset[]> {
    const served: Rrset[] = []
    for (let after: Uint8Array | undefined; ; ) {
      const rrsets = this.#catalog.walk(apex, after, WALKED_AT_ONCE)
      if (rrsets.length === 0) return served
      served.push(...rrsets)
      after = rrsets.at(-1)?.owner
      yield
    }
  }

  /** Changes what differs of a tunnels' zone. Returns why that takes a restart; rejects as a commit does. */
  async changeOfTunnels(
    apex: Uint8Array,
    rrsets: readonly Rrset[],
    store: ChangedStore,
  ): Promise<string | undefined> {
    const changes = await withTurns(staticChanges(this.#ofTunnels.get(keyOf(apex)) ?? [], rrsets))
    if (changes.length === 0) return undefined
    const child = this.#childOf(apex, changes)
    if (child !== undefined)
      return `changes at or below ${formatName(child)}, a zone of its own, need a restart`
    await store.commit(() => ({ outcome: undefined, changes }))
    this.#ofTunnels.set(keyOf(apex), rrsets)
    return undefined
  }

  /** A reverse zone has the servers of the forward zone as long as no file gives it. `givenApexes` are of the zones that files give. */
  async followForward(config: Config, givenApexes: Iterable<Uint8Array>, store: ChangedStore): Promise<void> {
    const { forward, reverse } = tunnelApexes(config)
    const given = new Set(Array.from(givenApexes, keyOf))
    const model = (this.#ofTunnels.get(forward.key) ?? []).filter(
      ({ owner, type }) => keyOf(owner) === forward.key && (type === TYPE.SOA || type === TYPE.NS),
    )
    for (const { apex, key } of reverse) {
      if (given.has(key)) continue
      const wanted = model.map(rrset => ({ ...rrset, owner: apex }))
      await this.changeOfTunnels(apex, wanted, store)
    }
  }

  /** A zone below `apex`, served or failed, that one of the changes would fall into: the catalog sorts records by their owner. */
  #childOf(apex: Uint8Array, changes: readonly RrsetChange[]): Uint8Array | undefined {
    const children = this.#catalog
      .claimedApexes()
      .filter(other => other.length > apex.length && isAtOrBelow(other, 0, apex, 0))
    return children.find(child =>
      changes.some(change => isAtOrBelow(lowerCaseName(ownerOf(change)), 0, child, 0)),
    )
  }
}

/** The file's rrsets, its SOA with the serial that is served if that is not older: it was counted on from there. */
function withServedSerial(
  apex: Uint8Array,
  rrsets: readonly Rrset[],
  served: readonly Rrset[],
): readonly Rrset[] {
  const isSoa = ({ owner, type }: Rrset) => type === TYPE.SOA && owner.length === apex.length
  const rdata = served.find(isSoa)?.rdatas[0]
  if (rdata === undefined) return rrsets
  const serial = soaSerial(rdata)
  return rrsets.map(rrset =>
    isSoa(rrset) && rrset.rdatas.every(of => serialCompare(soaSerial(of), serial) !== 1)
      ? { ...rrset, rdatas: rrset.rdatas.map(of => soaWithSerial(of, serial)) }
      : rrset,
  )
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
