import type { KeyRenewal } from '../lifecycle/key-renewal.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import { type Refusal, refused } from '../lifecycle/refusal.ts'
import type { Problem } from '../shared/problem.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Admission, RegistrationInput } from './admission.ts'
import type { VisitorLimits } from './limits.ts'
import type { VisitorAddress } from './visitor.ts'

export interface Registered {
  readonly kind: 'registered'
  readonly tunnel: Tunnel
  readonly key: string
  /** What the visitor should know of its endpoint although it was admitted. */
  readonly warnings: readonly Problem[]
}

export interface Moved {
  readonly kind: 'moved'
  readonly tunnel: Tunnel
  readonly warnings: readonly Problem[]
}

/**
 * The draft's server steps 1–4, the same for every door: limits, checks, then one transaction. A refusal has every
 * problem together; a registration that is refused costs no quota.
 */
export class Registrar {
  readonly #admission: Admission
  readonly #lifecycle: Lifecycle
  readonly #limits: VisitorLimits

  constructor(options: {
    readonly admission: Admission
    readonly lifecycle: Lifecycle
    readonly limits: VisitorLimits
  }) {
    this.#admission = options.admission
    this.#lifecycle = options.lifecycle
    this.#limits = options.limits
  }

  async register(input: RegistrationInput, visitor: VisitorAddress): Promise<Registered | Refusal> {
    const tooMany =
      (await this.#limits.takeRefusal(visitor)) ?? (await this.#limits.takeRegistration(visitor))
    if (tooMany !== undefined) return refused(tooMany)
    const outcome = await this.#admitAndRegister(input, visitor)
    if (outcome.kind === 'refused') await this.#limits.giveRegistrationBack(visitor)
    return outcome
  }

  async #admitAndRegister(input: RegistrationInput, visitor: VisitorAddress): Promise<Registered | Refusal> {
    const verdict = await this.#admission.check(input, visitor)
    if (verdict.kind === 'refused') return verdict
    await this.#limits.giveRefusalBack(visitor)
    const registration = await this.#lifecycle.register(verdict.request)
    if (registration.kind === 'refused') return registration
    const { tunnel, key } = registration
    return { kind: 'registered', tunnel, key, warnings: verdict.warnings }
  }

  /**
   * Moves a tunnel to another endpoint after the same checks. The one that it has is not checked again: update clients
   * send it all day.
   */
  async changeEndpoint(tunnel: Tunnel, ipv4: string, visitor: VisitorAddress): Promise<Moved | Refusal> {
    if (ipv4.trim() === tunnel.ipv4Client) return { kind: 'moved', tunnel, warnings: [] }
    const tooMany = (await this.#limits.takeRefusal(visitor)) ?? (await this.#limits.takeMove(tunnel.id))
    if (tooMany !== undefined) return refused(tooMany)
    const outcome = await this.#admitAndMove(tunnel, ipv4, visitor)
    if (outcome.kind === 'refused') await this.#limits.giveMoveBack(tunnel.id)
    return outcome
  }

  async #admitAndMove(tunnel: Tunnel, ipv4: string, visitor: VisitorAddress): Promise<Moved | Refusal> {
    const verdict = await this.#admission.checkEndpoint(ipv4, visitor, tunnel.id)
    if (verdict.kind === 'refused') return verdict
    await this.#limits.giveRefusalBack(visitor)
    const { ipv4: wanted, holder } = verdict.request
    const change = await (holder === undefined
      ? this.#lifecycle.changeEndpoint(tunnel.id, wanted)
      : this.#lifecycle.takeEndpoint(tunnel.id, holder))
    if (change.kind === 'refused') return change
    return { kind: 'moved', tunnel: change.tunnel, warnings: verdict.warnings }
  }

  /** Gives a tunnel a new key, to its owner: whoever asks must have shown to be that. */
  async renewKey(tunnel: Tunnel): Promise<KeyRenewal> {
    const tooMany = await this.#limits.takeNewKey(tunnel.id)
    return tooMany === undefined ? this.#lifecycle.renewKey(tunnel.id) : refused(tooMany)
  }

  async delete(tunnel: Tunnel): Promise<{ readonly kind: 'deleted' } | Refusal> {
    const deletion = await this.#lifecycle.delete(tunnel.id)
    return deletion.kind === 'refused' ? deletion : { kind: 'deleted' }
  }
}
