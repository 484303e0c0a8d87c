import type { Log } from '../shared/log.ts'
import type { Problem } from '../shared/problem.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { TunnelTransaction, Waking, Written } from '../store/tunnel-transaction.ts'
import type { NewKey } from '../store/unseen-key.ts'
import type { DormantTunnel, KindFields, Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'
import type { TunnelZone } from './tunnel-zone.ts'

/** Rows in one transaction when many end at once. */
const ENDED_IN_ONE = 1000

/** `awake`: it was not dormant. */
export type Awakened = { readonly kind: 'woken' | 'awake'; readonly tunnel: Tunnel } | Refusal

export interface WakeOptions {
  /** In place of the endpoint that it had. */
  readonly ipv4?: string
  /** In place of its key. */
  readonly key?: NewKey
  /** In place of the fields of its kind, such as its public key. */
  readonly fields?: KindFields
  /** In place of the operating system and the MTU that it had. */
  readonly os?: string
  readonly mtu?: number | undefined
  /** Whether the operator asks, who alone brings a suspended one back. */
  readonly isOperator?: boolean
  /** Whether its own client was heard: it waits for no first sign of life then. */
  readonly isHeard?: boolean
}

/**
 * Tunnels that were silent for too long: their way back, and their end. A visit of the owner brings one back at once:
 * interface first, then row and names in one commit.
 */
export class DormantTunnels {
  readonly #store: TunnelStore
  readonly #zone: TunnelZone
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #now: () => number
  readonly #steady: () => number
  readonly #keep: number
  readonly #waitUntil: () => number | undefined
  readonly #onWoken: () => void
  readonly #onKeyReplaced: (id: string) => void

  /** The listeners are called in the tick of the commit that brought one back. */
  constructor(
    parts: LifecycleParts & {
      /** Seconds for which a dormant tunnel is kept. */
      readonly keep: number
      readonly onWoken: () => void
      readonly onKeyReplaced: (id: string) => void
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
    this.#waitUntil = parts.waitUntil
    this.#onWoken = parts.onWoken
    this.#onKeyReplaced = parts.onKeyReplaced
  }

  /** Refused if its endpoint or public key has another tunnel by now, or the kernel or the database can't take it. */
  wake(id: string, options: WakeOptions = {}): Promise<Awakened> {
    return this.#turn.take(async () => {
      const dormant = this.#store.tunnels.dormant.byId(id)
      if (dormant === undefined) return this.#awake(id)
      if (dormant.dormant.isSuspended && options.isOperator !== true) return refused(REFUSAL.suspended())
      const wanted = {
        ...dormant,
        ipv4Client: options.ipv4 ?? dormant.ipv4Client,
        kind: options.fields ?? dormant.kind,
        mtu: options.mtu ?? dormant.mtu,
      }
      const taken = this.#takenOf(wanted) // before the kernel, which would give the other's peer away
      if (taken !== undefined) return refused(taken)
      const [fault] = await this.#drivers.create([wanted])
      if (fault !== undefined) return refused(REFUSAL.interfaceFault(fault.reason))
      const outcome = await this.#restore(wanted, options)
      if (outcome.kind === 'refused') this.#faults.noteUnsure([], await this.#drivers.remove([wanted]))
      return outcome
    })
  }

  /** Ends those that were kept for as long as they are kept. Returns how many. */
  async endOld(): Promise<number> {
    await this.#holdEnds()
    const { dormant } = this.#store.tunnels
    let ended = 0
    while (dormant.endedBy(this.#steady(), 1).length > 0) {
      const gone = await this.#store.commit(transaction => this.#end(transaction))
      if (gone === 0) break // their owners have come first
      ended += gone
    }
    return ended
  }

  /**
   * Nobody can come back while the row is broken, or its kind not offered: who had less than half of the time left gets all
   * of it.
   */
  async #holdEnds(): Promise<void> {
    const { unofferedCount, brokenCount } = this.#store.tunnels
    if (unofferedCount + brokenCount === 0) return
    const steady = this.#steady()
    const held = (to: number) => ({ before: Math.floor((steady + to) / 2), to })
    const waitUntil = this.#waitUntil()
    const ends = {
      waiting: waitUntil === undefined ? undefined : held(waitUntil),
      dormant: held(steady + this.#keep),
    }
    let moved: number
    do {
      moved = await this.#store.commit(transaction => ({
        outcome: transaction.holdEnds(ends),
        changes: [],
      }))
    } while (moved > 0)
  }

  #awake(id: string): Awakened {
    const tunnel = this.#store.tunnels.byId(id)
    return tunnel === undefined ? refused(REFUSAL.noTunnel()) : { kind: 'awake', tunnel }
  }

  /** What another tunnel, which is awake, has of it. */
  #takenOf({ ipv4Client, kind: { publicKey } }: Tunnel): Problem | undefined {
    const { tunnels } = this.#store
    if (ipv4Client !== undefined && tunnels.idByEndpoint(ipv4Client) !== undefined)
      return REFUSAL.endpointInUse(ipv4Client)
    const holder = publicKey === undefined ? undefined : tunnels.idByPublicKey(publicKey)
    return holder === undefined || tunnels.dormant.byId(holder) !== undefined
      ? undefined
      : REFUSAL.publicKeyInUse()
  }

  async #restore(wanted: DormantTunnel, options: WakeOptions): Promise<Awakened> {
    try {
      const waking = await this.#store.commit(transaction => this.#wakeRow(transaction, wanted, options))
      if (waking.kind === 'woken') return waking
      if (waking.kind === 'gone') return refused(REFUSAL.noTunnel())
      return refused(this.#takenOf(wanted) ?? this.#inItsPlace(wanted))
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  /** What another program's row has of it, which is awake: the schema lets nobody else have it. */
  #inItsPlace({ id, nicname, country, device }: Tunnel): Problem {
    if (this.#store.tunnels.byName(nicname, country) !== undefined)
      return REFUSAL.nicnameTaken(nicname, country)
    const reason = 'another row of the table tunnels has its device or one of its addresses'
    this.#faults.noteOne({ id, device }, reason)
    return REFUSAL.broken({ reason })
  }

  /** A visit is no sign of life of the tunnel itself: it waits for that as a new one does. */
  #wakeRow(
    transaction: TunnelTransaction,
    { id, ipv4Client, dormant }: DormantTunnel,
    { key, fields, os, mtu, isHeard }: WakeOptions,
  ): Written<Waking> {
    const waking = transaction.wake(id, {
      ipv4: ipv4Client,
      waitUntil: isHeard === true ? undefined : this.#waitUntil(),
      since: this.#now(),
      ...(key === undefined ? {} : { key }),
      ...(fields === undefined ? {} : { fields }),
      ...(os === undefined ? {} : { os }),
      ...(mtu === undefined ? {} : { mtu }),
    })
    if (waking.kind !== 'woken') return { outcome: waking, changes: [] }
    if (isHeard === true) transaction.countAnswered(id, this.#now())
    if (dormant.isSuspended) transaction.notify(id, 'resumed', this.#now())
    if (key !== undefined) transaction.notify(id, 'renewed', this.#now())
    return {
      outcome: waking,
      changes: this.#zone.changesOf(undefined, waking.tunnel),
      committed: () => {
        this.#onWoken()
        if (key !== undefined) this.#onKeyReplaced(id)
        this.#faults.forget(id)
        const { device } = waking.tunnel
        const by = isHeard === true ? { heard: true } : {}
        this.#log.info({ tunnel: id, device, ...by }, 'dormant tunnel is back')
      },
    }
  }

  /**
   * Finds them inside the transaction: a work before this one may have woken some. Each is read before it goes, since one
   * that is broken stays.
   */
  #end(transaction: TunnelTransaction): Written<number> {
    const steady = this.#steady()
    const { dormant } = transaction.tunnels
    const ids = dormant.endedBy(steady, ENDED_IN_ONE).filter(id => dormant.byId(id) !== undefined)
    for (const id of ids) transaction.notify(id, 'ended', this.#now())
    const gone = ids.filter(id => transaction.removeDormant(id, steady) !== undefined)
    if (gone.length === 0) return { outcome: 0, changes: [] }
    return {
      outcome: gone.length,
      changes: [],
      committed: () => this.#log.info({ tunnels: gone.length }, 'dormant tunnels have ended'),
    }
  }
}
