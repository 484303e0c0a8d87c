import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cursor, TableSlice } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Reconciliation } from '../tunnel/interface.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { type Drivers, type WantedLink, wantedLink } from './drivers.ts'
import { tunnelsOf } from './find-tunnel.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'

/** Rows read in one turn of the event loop. */
const SLICE = 1000
/** In place of a device in a fault that is not one link's. */
const WHOLE_KERNEL = '*'
/** How long it is remembered when an interface was made: longer than a round of the monitor lasts. */
const REMEMBERED_MS = 600_000

/** Makes the kernel's interfaces equal to the table's, both ways. New tunnels are left to BringUp. */
export class Reconciler {
  readonly #store: TunnelStore
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  /** When interfaces that were amiss were made anew, by performance.now(), in that order. */
  readonly #madeAt = new Map<string, number>()
  /** The run that has not begun. */
  #waiting: Promise<Reconciliation> | undefined

  constructor(parts: Pick<LifecycleParts, 'store' | 'drivers' | 'faults' | 'turn'>) {
    this.#store = parts.store
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
  }

  /** One that waits for its turn is for all who ask meanwhile: somebody may edit row after row. */
  run(): Promise<Reconciliation> {
    this.#waiting ??= this.#turn.take(async () => {
      this.#waiting = undefined
      const wanted = await this.#linksUp()
      const mended = await this.#drivers.reconcile(wanted)
      this.#faults.note(wanted, mended.faults)
      this.#remember(mended.made)
      return mended
    })
    return this.#waiting
  }

  /** See Lifecycle.check. The whole table is read only if something is not as it should be, or nobody can tell. */
  async check(ids: readonly string[], since: number): Promise<ReadonlySet<string>> {
    const devices = new Map<string, string>()
    const amiss = await this.#turn.take(async () => {
      const tunnels = await tunnelsOf(this.#store.tunnels, ids)
      for (const { id, device } of tunnels) devices.set(id, device)
      return this.#drivers.amiss(tunnels)
    })
    const unsound = amiss?.size === 0 ? amiss : await this.#mended(amiss)
    if (unsound.has(WHOLE_KERNEL)) return new Set() // nobody knows
    return new Set(
      ids.filter(id => {
        const device = devices.get(id) ?? ''
        return !unsound.has(device) && (this.#madeAt.get(device) ?? Number.NEGATIVE_INFINITY) < since
      }),
    )
  }

  /** The devices that were amiss, or are now that the kernel has been reconciled. */
  async #mended(amiss: ReadonlySet<string> | undefined): Promise<ReadonlySet<string>> {
    const { made, faults } = await this.run()
    return new Set([...(amiss ?? []), ...made, ...faults.map(({ device }) => device)])
  }

  #remember(made: readonly string[]): void {
    const now = performance.now()
    for (const device of made) {
      this.#madeAt.delete(device)
      this.#madeAt.set(device, now)
    }
    for (const [device, at] of this.#madeAt) {
      if (now - at <= REMEMBERED_MS) return
      this.#madeAt.delete(device)
    }
  }

  /** Those that should have an interface; others come and go in the kernel's turn alone, so that none is missed. */
  async #linksUp(): Promise<readonly WantedLink[]> {
    const up: WantedLink[] = []
    for (let from: Cursor | undefined; ; ) {
      const { rows, next }: TableSlice<Tunnel> = this.#store.tunnels.slice(from, SLICE)
      for (const tunnel of rows) if (tunnel.unreachable >= 0) up.push(wantedLink(tunnel))
      if (next === undefined) return up
      from = next
      await nextTurn()
    }
  }
}
