import { setImmediate as nextTurn } from 'node:timers/promises'
import { BatchQueue } from '../shared/batch-queue.ts'
import type { Log } from '../shared/log.ts'
import { GroupCommit, type Written } from '../store/group-commit.ts'
import { type Database, storageFaultOf } from '../store/sqlite/database.ts'
import type { RestingIndexes } from '../store/sqlite/resting-indexes.ts'
import type { TableSlice, TunnelTable } from '../store/sqlite/tunnel-table.ts'
import type { AddressPool } from '../tunnel/address-pool.ts'
import type { Interfaces, LinkFault, Reconciliation } from '../tunnel/interface.ts'
import { NEW, type Tunnel } from '../tunnel/tunnel.ts'
import { hashKey, newId, newKey } from '../tunnel/tunnel-key.ts'
import type { RrsetChange } from '../zone/catalog.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'
import type { TunnelZone } from './tunnel-zone.ts'

/** What a registration asks for, checked by admission: canonical address, lower-case labels, a known system. */
export interface TunnelRequest {
  readonly ipv4: string
  readonly nicname: string
  readonly country: string
  readonly os: string
}

export type Registration =
  | { readonly kind: 'registered'; readonly tunnel: Tunnel; readonly key: string }
  | Refusal
export type EndpointChange = { readonly kind: 'changed' | 'unchanged'; readonly tunnel: Tunnel } | Refusal
export type Deletion = { readonly kind: 'deleted' } | Refusal

/** Rows read in one turn of the event loop. */
const RECONCILE_SLICE = 1000

/** In place of a device in a fault that is not one link's. */
const WHOLE_KERNEL = '*'

/** How many indexes are tried when rows written by another program stand in the way. */
const MAX_INDEX_ATTEMPTS = 4096

/**
 * The only writer of tunnels.
 *
 *     register           bringUpNew           recordRound            recordRound (over threshold), delete
 *     ────────▶ new (−1) ─────────▶ active (0) ◀────────▶ unreachable (x) ─────────▶ gone
 *
 * Each arrow is a transaction, shared in a crowd; DNS follows in the same tick as its commit. The kernel is asked first
 * where something is taken into use or moved, so that a row never promises more than there is. Kernel calls run one
 * after the other.
 */
export class Lifecycle {
  readonly #database: Database
  readonly #table: TunnelTable
  readonly #zone: TunnelZone
  readonly #pool: AddressPool
  readonly #resting: RestingIndexes
  readonly #interfaces: Interfaces
  readonly #log: Log
  readonly #maxTunnels: number
  readonly #threshold: number
  readonly #now: () => number
  readonly #onRegistered: () => void
  readonly #faults = new Map<string, string>()
  readonly #commits: GroupCommit
  readonly #deletions = new BatchQueue((ids: readonly string[]) => this.#deleteAll(ids))
  #count: number
  #kernel: Promise<unknown> = Promise.resolve()

  constructor(options: {
    readonly database: Database
    readonly table: TunnelTable
    readonly zone: TunnelZone
    readonly pool: AddressPool
    readonly resting: RestingIndexes
    readonly interfaces: Interfaces
    readonly log: Log
    readonly maxTunnels: number
    /** A tunnel that missed more echoes in a row than this is taken down. */
    readonly threshold: number
    /** UTC seconds. */
    readonly now: () => number
    readonly onRegistered: () => void
  }) {
    this.#database = options.database
    this.#commits = new GroupCommit(options)
    this.#table = options.table
    this.#zone = options.zone
    this.#pool = options.pool
    this.#resting = options.resting
    this.#interfaces = options.interfaces
    this.#log = options.log
    this.#maxTunnels = options.maxTunnels
    this.#threshold = options.threshold
    this.#now = options.now
    this.#onRegistered = options.onRegistered
    this.#count = this.#table.count()
  }

  /**
   * The draft's server steps 2–4: a free interface and a free address pair, and the row, in one transaction with whatever
   * else comes in at the time. Two registrations can never get the same endpoint, name, device or addresses: the schema
   * forbids it.
   */
  async register(request: TunnelRequest): Promise<Registration> {
    try {
      return await this.#commits.commit(() => this.#insertNew(request))
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  /** Registers many in a transaction of their own; each has its outcome, in the order of the requests. */
  registerAll(requests: readonly TunnelRequest[]): readonly Registration[] {
    try {
      return this.#commits.commitNow(requests.map(request => () => this.#insertNew(request)))
    } catch (error) {
      const problem = storageProblem(error)
      return requests.map(() => refused(problem))
    }
  }

  /**
   * The draft's monitor steps 5–6: an interface for every new tunnel, its entry changed, its names in DNS. Those whose
   * interface can't be made stay new; the caller tries again later.
   */
  bringUpNew(): Promise<{ readonly activated: number; readonly failed: number }> {
    return this.#inTurn(async () => {
      const tunnels = this.#table.newTunnels()
      if (tunnels.length === 0) return { activated: 0, failed: 0 }
      const faults = await this.#interfaces.create(tunnels)
      const failed = this.#noteFaults(tunnels, faults)
      const made = tunnels.filter(tunnel => !failed.has(tunnel.device))
      const activated = await this.#activate(made)
      const vanished = made.filter(tunnel => !activated.has(tunnel.id))
      if (vanished.length > 0) await this.#interfaces.remove(vanished.map(tunnel => tunnel.device))
      return { activated: activated.size, failed: failed.size }
    })
  }

  /** The draft's monitor step 1: the tunnels to probe. */
  probeTargets(): readonly Pick<Tunnel, 'id' | 'ipv6Client'>[] {
    return this.#table.probeTargets()
  }

  /**
   * The draft's monitor steps 3–4: counts of a whole round in one transaction; then the tunnels over the threshold
   * are taken down: interface, row, names.
   */
  async recordRound(round: {
    readonly answered: readonly string[]
    readonly silent: readonly string[]
  }): Promise<{
    readonly removed: number
  }> {
    const missedBefore = new Set(this.#table.overThreshold(0).map(tunnel => tunnel.id))
    this.#database.transaction(() => {
      for (const id of round.answered) if (missedBefore.has(id)) this.#table.countAnswered(id)
      for (const id of round.silent) this.#table.countSilent(id)
    })
    const dead = this.#table.overThreshold(this.#threshold)
    return dead.length === 0 ? { removed: 0 } : { removed: (await this.#takeDown(dead)).size }
  }

  /** Moves a tunnel to another IPv4 endpoint: interface first, then the row. */
  changeEndpoint(id: string, ipv4: string): Promise<EndpointChange> {
    return this.#inTurn(async () => {
      const tunnel = this.#table.byId(id)
      if (tunnel === undefined) return refused(REFUSAL.noTunnel())
      if (tunnel.ipv4Client === ipv4) return { kind: 'unchanged', tunnel }
      if (this.#table.byEndpoint(ipv4) !== undefined) return refused(REFUSAL.endpointInUse(ipv4))
      const moved = { ...tunnel, ipv4Client: ipv4 }
      const fault = await this.#moveInterface(moved)
      if (fault !== undefined) return refused(REFUSAL.interfaceFault(fault.reason))
      try {
        if (await this.#commits.commit(() => this.#moveEndpoint(id, ipv4))) {
          this.#log.info({ tunnel: id, device: tunnel.device }, 'tunnel endpoint changed')
          return { kind: 'changed', tunnel: this.#table.byId(id) ?? moved }
        }
      } catch (error) {
        await this.#moveInterface(tunnel)
        return refused(storageProblem(error))
      }
      await this.#moveInterface(tunnel)
      return refused(REFUSAL.endpointInUse(ipv4))
    })
  }

  /** Ends a tunnel at its owner's or the operator's wish: interface, row, names. */
  delete(id: string): Promise<Deletion> {
    return this.#deletions.add(id)
  }

  /** Makes the kernel's interfaces equal to the table's, both ways. New tunnels are left to `bringUpNew`. */
  reconcile(): Promise<Reconciliation> {
    return this.#inTurn(async () => {
      const wanted = await this.#tunnelsUp()
      const mended = await this.#interfaces.reconcile(wanted)
      this.#noteFaults(wanted, mended.faults)
      return mended
    })
  }

  /** The tunnels among these whose interface needed no mending; the whole kernel is reconciled for it. */
  async check(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const { made, faults } = await this.reconcile()
    const unsound = new Set([...made, ...faults.map(({ device }) => device)])
    if (unsound.has(WHOLE_KERNEL)) return new Set() // nobody knows
    return new Set(ids.filter(id => !unsound.has(this.#table.byId(id)?.device ?? '')))
  }

  /** Puts right what an audit found, with new serials. */
  heal(changes: readonly RrsetChange[]): void {
    this.#commits.commitNow([() => ({ outcome: undefined, changes })])
  }

  /** Why the kernel refused a tunnel's interface when it was last tried; undefined: it did not. */
  faultOf(id: string): string | undefined {
    return this.#faults.get(id)
  }

  /** Rows were edited by another program: they are counted afresh. Addresses that it gave out show when they are tried. */
  recount(): void {
    this.#count = this.#table.count()
  }

  /** Those that should have an interface; others come and go in the kernel's turn alone, so that none is missed. */
  async #tunnelsUp(): Promise<readonly Tunnel[]> {
    const up: Tunnel[] = []
    for (let from: number | undefined = 0; from !== undefined; ) {
      const { rows, next }: TableSlice<Tunnel> = this.#table.slice(from, RECONCILE_SLICE)
      up.push(...rows.filter(tunnel => tunnel.unreachable >= 0))
      from = next
      await nextTurn()
    }
    return up
  }

  /** An id that comes twice finds no tunnel the second time. */
  async #deleteAll(ids: readonly string[]): Promise<readonly Deletion[]> {
    const tunnels = [...new Set(ids)].flatMap(id => this.#table.byId(id) ?? [])
    try {
      const gone = tunnels.length === 0 ? new Set<string>() : await this.#takeDown(tunnels)
      return ids.map(id => (gone.delete(id) ? { kind: 'deleted' } : this.#undeleted(id)))
    } catch (error) {
      const problem = storageProblem(error)
      return ids.map(() => refused(problem))
    }
  }

  #undeleted(id: string): Refusal {
    const reason = this.#faults.get(id)
    return refused(reason === undefined ? REFUSAL.noTunnel() : REFUSAL.interfaceFault(reason))
  }

  #conflicts(request: TunnelRequest) {
    const problems = []
    if (this.#table.byEndpoint(request.ipv4) !== undefined) problems.push(REFUSAL.endpointInUse(request.ipv4))
    if (this.#table.byName(request.nicname, request.country) !== undefined) {
      problems.push(REFUSAL.nicnameTaken(request.nicname, request.country))
    }
    return problems
  }

  #insertNew(request: TunnelRequest): Written<Registration> {
    for (let attempt = 0; attempt < MAX_INDEX_ATTEMPTS; attempt++) {
      const index = this.#takeIndex()
      if (index === undefined) break
      const key = newKey()
      const tunnel = this.#newTunnel(request, index)
      try {
        this.#table.insert(tunnel, hashKey(key))
      } catch (error) {
        const problems = storageFaultOf(error) === 'constraint' ? this.#conflicts(request) : undefined
        // A row that another program wrote has these addresses: they stay taken, and the next index is tried.
        if (problems?.length === 0) continue
        this.#pool.untake(index)
        if (problems === undefined) throw error
        return { outcome: refused(...problems), changes: [] }
      }
      this.#count++
      return {
        outcome: { kind: 'registered', tunnel, key },
        changes: [],
        committed: () => this.#registered(tunnel),
        undone: () => {
          this.#count--
          this.#pool.untake(index)
        },
      }
    }
    return { outcome: refused(REFUSAL.poolFull()), changes: [] }
  }

  #registered(tunnel: Tunnel): void {
    const name = `${tunnel.nicname}.${tunnel.country}`
    this.#log.info({ tunnel: tunnel.id, name, device: tunnel.device }, 'tunnel registered')
    this.#onRegistered()
  }

  #newTunnel(request: TunnelRequest, index: number): Tunnel {
    return {
      id: newId(),
      ipv4Client: request.ipv4,
      ...this.#pool.assignment(index),
      nicname: request.nicname,
      country: request.country,
      os: request.os,
      creationTime: this.#now(),
      unreachable: NEW,
    }
  }

  #takeIndex(): number | undefined {
    return this.#count >= this.#maxTunnels ? undefined : this.#pool.take(this.#now())
  }

  async #activate(tunnels: readonly Tunnel[]): Promise<ReadonlySet<string>> {
    if (tunnels.length === 0) return new Set()
    return this.#commits.commit(() => {
      const rows = tunnels.filter(tunnel => this.#table.activate(tunnel.id))
      return {
        outcome: new Set(rows.map(({ id }) => id)),
        changes: rows.flatMap(tunnel => this.#zone.changesOf(undefined, { ...tunnel, unreachable: 0 })),
        committed: () => {
          for (const { id, device } of rows) this.#log.info({ tunnel: id, device }, 'tunnel active')
        },
      }
    })
  }

  /**
   * Interface, row, names, in the draft's order. A tunnel whose interface can't be removed keeps its row. Returns the
   * ids of those that are gone.
   */
  #takeDown(tunnels: readonly Tunnel[]): Promise<Set<string>> {
    return this.#inTurn(async () => {
      const faults = await this.#interfaces.remove(tunnels.map(tunnel => tunnel.device))
      const failed = this.#noteFaults(tunnels, faults)
      const down = tunnels.filter(tunnel => !failed.has(tunnel.device))
      return this.#commits.commit(() => this.#removeRows(down))
    })
  }

  #removeRows(down: readonly Tunnel[]): Written<Set<string>> {
    // What counts is the row as it is now: it may have become active, or have moved, while the kernel was busy.
    const gone = down.flatMap(({ id }) => this.#table.remove(id) ?? [])
    const freeFrom = this.#resting.freeFrom(this.#now())
    for (const tunnel of gone) this.#restIndex(tunnel, freeFrom)
    return {
      outcome: new Set(gone.map(({ id }) => id)),
      changes: gone.flatMap(tunnel => this.#zone.changesOf(tunnel, undefined)),
      committed: () => {
        for (const tunnel of gone) this.#removed(tunnel, freeFrom)
      },
    }
  }

  #removed({ id, device, ipv6Client, unreachable }: Tunnel, freeFrom: number): void {
    this.#count--
    const index = this.#pool.indexOf(ipv6Client)
    if (index !== undefined) this.#pool.rest({ index, freeFrom })
    this.#log.info({ tunnel: id, device, unreachable }, 'tunnel removed')
  }

  #restIndex(tunnel: Tunnel, freeFrom: number): void {
    const index = this.#pool.indexOf(tunnel.ipv6Client)
    if (index !== undefined) this.#resting.add({ index, freeFrom })
  }

  /** False where somebody else has registered the endpoint meanwhile. */
  #moveEndpoint(id: string, ipv4: string): Written<boolean> {
    try {
      this.#table.moveEndpoint(id, ipv4)
      return { outcome: true, changes: [] }
    } catch (error) {
      if (storageFaultOf(error) === 'constraint') return { outcome: false, changes: [] }
      throw error
    }
  }

  async #moveInterface(tunnel: Tunnel): Promise<LinkFault | undefined> {
    if (tunnel.unreachable === NEW) return undefined // there is none yet
    const [fault] = await this.#interfaces.changeRemote([tunnel])
    return fault
  }

  /** Remembers and logs what the kernel refused; forgets the faults of those that it accepted. Returns the devices. */
  #noteFaults(tunnels: readonly Tunnel[], faults: readonly LinkFault[]): ReadonlySet<string> {
    const reasons = new Map(faults.map(fault => [fault.device, fault.reason]))
    for (const { id, device } of tunnels) {
      const reason = reasons.get(device)
      if (reason === undefined) {
        this.#faults.delete(id)
        continue
      }
      this.#faults.set(id, reason)
      this.#log.error({ tunnel: id, device, reason }, 'interface fault')
    }
    return new Set(reasons.keys())
  }

  /** Runs kernel work after all earlier kernel work, whether that failed or not. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#kernel.then(work, work)
    this.#kernel = turn.catch(() => undefined)
    return turn
  }
}
