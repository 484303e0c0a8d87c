import type { Log } from '../shared/log.ts'
import type { Problem } from '../shared/problem.ts'
import type { TunnelStore } from '../store/tunnel-store.ts'
import type { Beginning, Move, TunnelTransaction } from '../store/tunnel-transaction.ts'
import type { LinkFault } from '../tunnel/interface.ts'
import { type KindFields, NEW, type Tunnel } from '../tunnel/tunnel.ts'
import type { Drivers } from './drivers.ts'
import type { KernelTurn } from './kernel-turn.ts'
import type { LifecycleParts } from './lifecycle-parts.ts'
import type { LinkFaults } from './link-faults.ts'
import { readAgain } from './read-again.ts'
import { REFUSAL, type Refusal, refused, storageProblem } from './refusal.ts'

export type EndpointChange = { readonly kind: 'changed' | 'unchanged'; readonly tunnel: Tunnel } | Refusal

/** What becomes another: an endpoint, a key or the MTU. */
interface Change {
  isSame(tunnel: Tunnel): boolean
  /** The id of the row that has what is asked for. */
  holder(): string | undefined
  /** What is said if another tunnel has it. */
  readonly taken: Problem
  changed(tunnel: Tunnel): Tunnel
  write(transaction: TunnelTransaction): Move
  /** What is logged. */
  readonly words: string
  /** Whether it is written of a dormant tunnel too; not unless given. */
  readonly isForDormant?: boolean
}

/** Moves of tunnels to another IPv4 endpoint or key: interface first, then the row; back again if the row can't follow. */
export class Moves {
  readonly #store: TunnelStore
  readonly #drivers: Drivers
  readonly #faults: LinkFaults
  readonly #turn: KernelTurn
  readonly #log: Log
  readonly #begin: () => Beginning

  constructor(
    parts: Pick<LifecycleParts, 'store' | 'drivers' | 'faults' | 'turn' | 'log' | 'now' | 'waitUntil'>,
  ) {
    this.#store = parts.store
    this.#drivers = parts.drivers
    this.#faults = parts.faults
    this.#turn = parts.turn
    this.#log = parts.log
    this.#begin = () => ({ since: parts.now(), waitUntil: parts.waitUntil() })
  }

  move(id: string, ipv4: string): Promise<EndpointChange> {
    return this.#change(id, {
      isSame: tunnel => tunnel.ipv4Client === ipv4,
      holder: () => this.#store.tunnels.idByEndpoint(ipv4),
      taken: REFUSAL.endpointInUse(ipv4),
      changed: tunnel => ({ ...tunnel, ipv4Client: ipv4 }),
      write: transaction => transaction.moveEndpoint(id, ipv4, this.#begin()),
      words: 'tunnel endpoint changed',
    })
  }

  /** Lets a tunnel be known by another public key. */
  changeKey(id: string, fields: KindFields): Promise<EndpointChange> {
    return this.#change(id, {
      isSame: tunnel => tunnel.kind.publicKey === fields.publicKey,
      holder: () => this.#store.tunnels.idByPublicKey(fields.publicKey ?? ''),
      taken: REFUSAL.publicKeyInUse(),
      changed: tunnel => ({ ...tunnel, kind: fields }),
      write: transaction => transaction.changeFields(id, fields, this.#begin()),
      words: 'tunnel has a new public key',
    })
  }

  /** Lets a tunnel have a smaller MTU than its kind; undefined: that of its kind. A dormant tunnel stays dormant. */
  changeMtu(id: string, mtu: number | undefined): Promise<EndpointChange> {
    return this.#change(id, {
      isSame: tunnel => tunnel.mtu === mtu,
      holder: () => undefined,
      taken: REFUSAL.noTunnel(),
      changed: tunnel => ({ ...tunnel, mtu }),
      write: transaction => transaction.changeMtu(id, mtu),
      words: 'tunnel has another MTU',
      isForDormant: true,
    })
  }

  #change(id: string, change: Change): Promise<EndpointChange> {
    return this.#turn.take(async () => {
      const tunnel = this.#found(id, change)
      if (tunnel === undefined) return refused(REFUSAL.noTunnel())
      if (change.isSame(tunnel)) return { kind: 'unchanged', tunnel }
      if (change.holder() !== undefined) return refused(change.taken)
      const changed = change.changed(tunnel)
      const [fault] = await this.#moveInterface(changed)
      const refusal =
        fault === undefined ? await this.#changeRow(change) : refused(REFUSAL.interfaceFault(fault.reason))
      if (refusal === undefined) return { kind: 'changed', tunnel: this.#moved(changed, change.words) }
      this.#faults.noteUnsure([tunnel], await this.#moveInterface(tunnel))
      return refusal
    })
  }

  #found(id: string, { isForDormant = false }: Pick<Change, 'isForDormant'>): Tunnel | undefined {
    const { tunnels } = this.#store
    return tunnels.byId(id) ?? (isForDormant ? tunnels.dormant.byId(id) : undefined)
  }

  async #changeRow({ write, taken }: Change): Promise<Refusal | undefined> {
    try {
      const move = await this.#store.commit(transaction => ({ outcome: write(transaction), changes: [] }))
      if (move === 'moved') return undefined
      // 'taken': somebody else has registered it meanwhile.
      return refused(move === 'taken' ? taken : REFUSAL.noTunnel())
    } catch (error) {
      return refused(storageProblem(error))
    }
  }

  #moved(tunnel: Tunnel, words: string): Tunnel {
    this.#log.info({ tunnel: tunnel.id, device: tunnel.device }, words)
    return readAgain(() => this.#found(tunnel.id, { isForDormant: true }), tunnel)
  }

  async #moveInterface(tunnel: Tunnel): Promise<readonly LinkFault[]> {
    if (tunnel.dormant !== undefined || tunnel.unreachable === NEW) return [] // there is none
    return this.#drivers.changeRemote([tunnel])
  }
}
