import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Problem } from '../shared/problem.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { Admission, AdmissionVerdict, RegistrationInput } from './admission.ts'
import type { VisitorLimits } from './limits.ts'
import { Refused } from './refusal-error.ts'
import type { VisitorAddress } from './visitor.ts'

/** A tunnel with its endpoint, and what the visitor should know of that although it was admitted. */
export interface Moved {
  readonly tunnel: Tunnel
  readonly warnings: readonly Problem[]
}

export interface Registered extends Moved {
  readonly key: string
}

/**
 * The draft's server steps 1–4, the same for the form and the API: checks, quota, then one transaction. Throws Refused
 * with every problem together; a registration that is refused costs no quota.
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

  async register(input: RegistrationInput, visitor: VisitorAddress): Promise<Registered> {
    const { request, warnings } = await this.#admitted(visitor, () => this.#admission.check(input, visitor))
    await this.#limits.countRegistration(visitor)
    const registration = await this.#lifecycle.register(request)
    if (registration.kind === 'refused') {
      await this.#limits.uncountRegistration(visitor)
      throw new Refused(registration.problems)
    }
    return { tunnel: registration.tunnel, key: registration.key, warnings }
  }

  /**
   * Moves a tunnel to another endpoint after the same checks. The one that it has is not checked again: update clients
   * send it all day.
   */
  async changeEndpoint(tunnel: Tunnel, ipv4: string, visitor: VisitorAddress): Promise<Moved> {
    if (ipv4.trim() === tunnel.ipv4Client) return { tunnel, warnings: [] }
    const { request, warnings } = await this.#admitted(visitor, () =>
      this.#admission.checkEndpoint(ipv4, visitor, tunnel.id),
    )
    await this.#limits.countMove(tunnel.id)
    const change = await this.#lifecycle.changeEndpoint(tunnel.id, request.ipv4)
    if (change.kind === 'refused') throw new Refused(change.problems)
    return { tunnel: change.tunnel, warnings }
  }

  async delete(tunnel: Tunnel): Promise<void> {
    const deletion = await this.#lifecycle.delete(tunnel.id)
    if (deletion.kind === 'refused') throw new Refused(deletion.problems)
  }

  async #admitted<T>(
    visitor: VisitorAddress,
    check: () => Promise<AdmissionVerdict<T>>,
  ): Promise<{ readonly request: T; readonly warnings: readonly Problem[] }> {
    await this.#limits.refusePesterers(visitor)
    const verdict = await check()
    if (verdict.kind === 'admitted') return verdict
    await this.#limits.countRefusal(visitor)
    throw new Refused(verdict.problems)
  }
}
