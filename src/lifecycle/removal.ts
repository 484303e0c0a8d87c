import { BatchQueue } from '../shared/batch-queue.ts'
import type { Log } from '../shared/log.ts'
import type { DeletedTunnel } from '../store/tunnel-reader.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction, Written } from '../store/tunnel-transaction.ts'
import { type BrokenRow, stateOf, type Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import { rowById, tunnelById } from './find-tunnel.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'
import { readAgain } from './read-again.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'
import type { TunnelZone } from './tunnel-zone.ts'

export type Suspension = { readonly kind: 'suspended' } | Refusal
/** Who wants a tunnel gone. */
export type Deleter = 'owner' | 'operator'
export type Deletion = { readonly kind: 'deleted' } | Refusal

/** Seconds for which a tunnel that its owner has deleted is still known to its key, and to who is signed in to it. */
const DELETED_LIFETIME = 600
/** Why a tunnel stays up that is to sleep. */
const NO_PLACE =
  'it can not sleep: a row of the table dormant has its name, its device or one of its addresses; mend or delete that'

interface DeletionWish {
  readonly id: string
  readonly by: Deleter
}

/** The end of a tunnel, in the draft's order: interface, row, names. */
export class Removal {
  readonly #store: TunnelStore
  readonly #zone: TunnelZone
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #now: () => number
  readonly #steady: () => number
  readonly #keep: number
  readonly #onRemoved: (rows: number) => void
  readonly #deletions = new BatchQueue((wishes: readonly DeletionWish[]) => this.#deleteAll(wishes))

  constructor(
    parts: LifecycleParts & {
      /** Seconds for which a tunnel that was silent for too long is kept; 0: it goes at once. */
      readonly keep: number
      /** Called in the tick of the commit with the number of rows that went. */
      readonly onRemoved: (rows: number) => void
    },
  ) {
    this.#store = parts.store
    this.#zone = parts.zone
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
    this.#log = parts.log
    this.#now = parts.now
    this.#steady = parts.steady
    this.#keep = parts.keep
    this.#onRemoved = parts.onRemoved
  }

  /** Deletes by id, a broken row too; calls that come together share the kernel's turn and a transaction. */
  delete(id: string, by: Deleter): Promise<Deletion> {
    return this.#deletions.add({ id, by })
  }

  /** A tunnel that its owner has deleted just now; none that has a row again, put back by hand. */
  deleted(id: string): DeletedTunnel | undefined {
    const { tunnels } = this.#store
    return rowById(tunnels, id) === undefined ? tunnels.deleted.byId(id, this.#steady()) : undefined
  }

  /** Takes a tunnel down, a dormant one too, until the operator brings it back. */
  async suspend(id: string): Promise<Suspension> {
    try {
      return await this.#turn.take(async () => {
        const up = this.#store.tunnels.byId(id)
        if (up !== undefined && (await this.#withoutInterface(this.#withPlace([up]))).length === 0)
          return this.#undeleted(id)
        return this.#commitOrUndo(up === undefined ? [] : [up], transaction =>
          this.#suspendRow(transaction, id),
        )
      })
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  /**
   * Takes down those that `find` finds in the kernel's turn: one that has moved or answered meanwhile is none. A tunnel
   * whose interface can't be removed keeps its row. Returns the ids of those whose row is gone; they are dormant then, if
   * any are kept.
   */
  takeDown(find: () => readonly Tunnel[]): Promise<Set<string>> {
    return this.#turn.take(async () => {
      const dead = find()
      const down = await this.#withoutInterface(this.#keep === 0 ? dead : this.#withPlace(dead))
      if (down.length === 0) return new Set()
      return this.#commitOrUndo(down, transaction => this.#sleepRows(transaction, down))
    })
  }

  /** Finds the rows in the kernel's turn: a tunnel that was dormant before it may be up by now, one that was up suspended. */
  #remove(wishes: ReadonlyMap<string, Deleter>): Promise<Set<string>> {
    return this.#turn.take(async () => {
      const { tunnels: table } = this.#store
      const ids = [...wishes.keys()]
      const tunnels = ids.flatMap(id => tunnelById(table, id) ?? [])
      const up = tunnels.filter(({ dormant }) => dormant === undefined)
      const asleep = tunnels.filter(
        ({ id, dormant }) => dormant !== undefined && !(dormant.isSuspended && wishes.get(id) === 'owner'),
      )
      const broken = ids.flatMap(id => table.brokenById(id) ?? [])
      const down = [...(await this.#withoutInterface(up)), ...asleep, ...broken]
      if (down.length === 0) return new Set()
      return this.#commitOrUndo(up, transaction => {
        for (const { id } of down) this.#noteEnd(transaction, id, wishes.get(id))
        return this.#removeRows(transaction, down)
      })
    })
  }

  /** Before the row goes: its owner is told, or has deleted it, and may not have heard that it is done. */
  #noteEnd(transaction: TunnelTransaction, id: string, by: Deleter | undefined): void {
    transaction.notify(id, by === 'operator' ? 'deleted' : 'removed', this.#now())
    const now = this.#steady()
    if (by === 'owner') transaction.keepDeleted(id, { now, until: now + DELETED_LIFETIME })
  }

  /** Those that can sleep: whatever has another's place among the dormant, a row by hand, must not end it. */
  #withPlace(tunnels: readonly Tunnel[]): readonly Tunnel[] {
    const { dormant } = this.#store.tunnels
    return tunnels.filter(tunnel => {
      const isBarred = dormant.isInPlaceOf(tunnel.id)
      if (isBarred) this.#faults.noteOne(tunnel, NO_PLACE)
      return !isBarred
    })
  }

  /** Commits what becomes of tunnels that were taken down; if that fails they have their rows still, and their interfaces again. */
  async #commitOrUndo<T>(
    down: readonly Tunnel[],
    work: (transaction: TunnelTransaction) => Written<T>,
  ): Promise<T> {
    try {
      return await this.#store.commit(work)
    } catch (error) {
      const left = down.filter(({ unreachable }) => unreachable >= 0)
      this.#faults.noteUnsure(left, await this.#drivers.create(left))
      throw error
    }
  }

  /** Removes the interfaces; returns the tunnels that have none now. */
  async #withoutInterface(tunnels: readonly Tunnel[]): Promise<readonly Tunnel[]> {
    const failed = this.#faults.noteUnsure(tunnels, await this.#drivers.remove(tunnels))
    return tunnels.filter(tunnel => !failed.has(tunnel.device))
  }

  /** An id that comes twice finds no tunnel the second time. */
  async #deleteAll(wishes: readonly DeletionWish[]): Promise<readonly Deletion[]> {
    try {
      const gone = await this.#remove(new Map(wishes.map(({ id, by }) => [id, by])))
      return wishes.map(({ id }) => (gone.delete(id) ? { kind: 'deleted' } : this.#undeleted(id)))
    } catch (error) {
      const problem = storageProblem(error)
      return wishes.map(() => refused(problem))
    }
  }

  #undeleted(id: string): Refusal {
    const dormant = readAgain(() => this.#store.tunnels.dormant.byId(id), undefined)
    if (dormant?.dormant.isSuspended) return refused(REFUSAL.suspended())
    const reason = this.#faults.of(id)
    return refused(reason === undefined ? REFUSAL.noTunnel() : REFUSAL.interfaceFault(reason))
  }

  #sleepRows(transaction: TunnelTransaction, down: readonly Tunnel[]): Written<Set<string>> {
    const since = this.#now()
    // While the rows are there: what is to be said of a tunnel is read from its row.
    for (const { id } of down) transaction.notify(id, this.#keep === 0 ? 'ended' : 'dormant', since)
    if (this.#keep === 0) return this.#removeRows(transaction, down)
    const steady = this.#steady()
    const dormancy = { since, until: steady + this.#keep, isSuspended: false }
    const rows = down.flatMap(({ id }) => transaction.fallAsleep(id, dormancy) ?? [])
    return this.#gone(rows, 'tunnel is dormant')
  }

  #suspendRow(transaction: TunnelTransaction, id: string): Written<Suspension> {
    const steady = this.#steady()
    const since = this.#now()
    const isNew = transaction.tunnels.dormant.byId(id)?.dormant.isSuspended !== true
    if (isNew) transaction.notify(id, 'suspended', since)
    if (transaction.suspendDormant(id, since)) {
      const committed = () => this.#log.info({ tunnel: id }, 'dormant tunnel suspended')
      return { outcome: { kind: 'suspended' }, changes: [], committed }
    }
    const row = transaction.fallAsleep(id, { since, until: steady + this.#keep, isSuspended: true })
    if (row === undefined) return { outcome: refused(REFUSAL.noTunnel()), changes: [] }
    return { ...this.#gone([row], 'tunnel suspended'), outcome: { kind: 'suspended' } }
  }

  #removeRows(
    transaction: TunnelTransaction,
    down: readonly { readonly id: string }[],
  ): Written<Set<string>> {
    // What counts is the row as it is now: it may have become active, or have moved, while the kernel was busy.
    const rows = down.flatMap(({ id }) => transaction.remove(id, this.#steady()) ?? [])
    return this.#gone(rows, 'tunnel removed')
  }

  #gone(rows: readonly (Tunnel | BrokenRow)[], message: string): Written<Set<string>> {
    return {
      outcome: new Set(rows.map(({ id }) => id)),
      changes: rows.flatMap(row => ('reason' in row ? [] : this.#zone.changesOf(row, undefined))),
      committed: () => {
        this.#onRemoved(rows.filter(row => !isAsleep(row)).length)
        for (const row of rows) this.#removed(row, message)
      },
    }
  }

  #removed(row: Tunnel | BrokenRow, message: string): void {
    this.#faults.forget(row.id)
    if ('reason' in row) this.#log.info({ tunnel: row.id, reason: row.reason }, 'broken row removed')
    else {
      const { id, device, unreachable } = row
      this.#log.info({ tunnel: id, device, unreachable }, message)
    }
  }
}

function isAsleep(row: Tunnel | BrokenRow): boolean {
  const state = 'reason' in row ? row.state : stateOf(row)
  return state === 'dormant' || state === 'suspended'
}
