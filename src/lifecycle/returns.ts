import type { TunnelReader } from '../store/tunnel-reader.ts'
import type { KindFields } from '../tunnel/tunnel.ts'
import { newKey } from '../tunnel/tunnel-key.ts'
import type { DormantTunnels, WakeOptions } from './dormant-tunnels.ts'
import type { KeyProofs } from './key-proofs.ts'
import type { EndpointChange, Moves } from './moves.ts'
import { REFUSAL, refused } from './refusal.ts'
import type { Registration, TunnelRequest } from './registration.ts'
import type { HeldEndpoint, Takeovers } from './takeover.ts'

/** What an owner does with a tunnel that is dormant, perhaps: then it comes back, with what is changed. */
export class Returns {
  readonly #sleepers: TunnelReader['dormant']
  readonly #proven: Pick<TunnelReader['proofs'], 'isEndpointGiven'>
  readonly #dormant: DormantTunnels
  readonly #moves: Moves
  readonly #takeovers: Takeovers
  readonly #proofs: KeyProofs

  constructor(parts: {
    readonly table: Pick<TunnelReader, 'dormant' | 'proofs'>
    readonly dormant: DormantTunnels
    readonly moves: Moves
    readonly takeovers: Takeovers
    readonly proofs: KeyProofs
  }) {
    this.#sleepers = parts.table.dormant
    this.#proven = parts.table.proofs
    this.#dormant = parts.dormant
    this.#moves = parts.moves
    this.#takeovers = parts.takeovers
    this.#proofs = parts.proofs
  }

  /** Moves a tunnel to another IPv4 endpoint; a dormant one comes back there. */
  changeEndpoint(id: string, ipv4: string): Promise<EndpointChange> {
    return this.#changeOrWake(id, { ipv4 }, () => this.#moves.move(id, ipv4))
  }

  /**
   * The dormant tunnel that has just this endpoint and name: a registration of both means it. Not if it was given the
   * endpoint in exchange and never came there: whoever does is most likely the next one at that address.
   */
  dormantOf(wanted: Pick<TunnelRequest, 'nicname' | 'country'> & { readonly ipv4: string }) {
    const dormant = this.#sleepers.byName(wanted.nicname, wanted.country)
    if (dormant?.ipv4Client !== wanted.ipv4 || this.#proven.isEndpointGiven(dormant.id)) return undefined
    return dormant
  }

  /**
   * Brings a dormant tunnel back with a new key: whoever registers it again from its endpoint has lost the old one. It comes
   * as it is asked for now.
   */
  async reregister(id: string, asked: Pick<WakeOptions, 'os' | 'mtu'> = {}): Promise<Registration> {
    const key = newKey()
    const awakened = await this.#dormant.wake(id, { ...asked, key: this.#proofs.newKey(key, undefined) })
    switch (awakened.kind) {
      case 'woken':
        return { kind: 'registered', tunnel: awakened.tunnel, key }
      case 'refused':
        return awakened
      case 'awake': // somebody has come first, and has its key
        return refused(REFUSAL.nicnameTaken(awakened.tunnel.nicname, awakened.tunnel.country))
      default:
        return awakened satisfies never
    }
  }

  /**
   * Moves a tunnel to the endpoint of a silent one, which gets the other's; one that has let go of it keeps what it has. A
   * dormant tunnel comes back first: what it gives in exchange must be its own.
   */
  async takeEndpoint(id: string, wanted: HeldEndpoint): Promise<EndpointChange> {
    const change = await this.#takeAwake(id, wanted)
    return this.#hasFallenAsleep(id, change) ? this.#takeAwake(id, wanted) : change
  }

  async #takeAwake(id: string, wanted: HeldEndpoint): Promise<EndpointChange> {
    if (this.#sleepers.byId(id) !== undefined) {
      const awakened = await this.#dormant.wake(id)
      if (awakened.kind === 'refused') return awakened
    }
    const change = await this.#takeovers.take(id, wanted)
    return change.kind === 'let-go' ? this.#moves.move(id, wanted.ipv4) : change
  }

  /** Lets a tunnel be known by another public key; a dormant one comes back with it, whoever has its former one by now. */
  changeKey(id: string, fields: KindFields): Promise<EndpointChange> {
    return this.#changeOrWake(id, { fields }, () => this.#moves.changeKey(id, fields))
  }

  /** Changes a tunnel that is up, and brings a dormant one back with what is wished. */
  async #changeOrWake(
    id: string,
    wish: WakeOptions,
    change: () => Promise<EndpointChange>,
  ): Promise<EndpointChange> {
    if (this.#sleepers.byId(id) === undefined) {
      const changed = await change()
      if (!this.#hasFallenAsleep(id, changed)) return changed
    }
    const awakened = await this.#dormant.wake(id, wish)
    if (awakened.kind === 'woken') return { kind: 'changed', tunnel: awakened.tunnel }
    return awakened.kind === 'refused' ? awakened : change()
  }

  /** A change is refused to a tunnel that a round puts to sleep while the change waits for the kernel's turn. */
  #hasFallenAsleep(id: string, change: EndpointChange): boolean {
    return change.kind === 'refused' && this.#sleepers.byId(id) !== undefined
  }
}
