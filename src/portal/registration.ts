import type { Admission, RegistrationInput } from '../tunnel/admission.ts'
import type { Lifecycle } from '../tunnel/lifecycle.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { VisitorLimits } from './form-guard.ts'
import { Refused } from './refusal-error.ts'
import type { VisitorAddress } from './visitor.ts'

/**
 * The draft's server steps 1–4, the same for the form and the API: checks, quota, then one transaction. Throws Refused
 * with every problem together; a registration that fails a check costs no quota.
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

  async register(
    input: RegistrationInput,
    visitor: VisitorAddress,
  ): Promise<{ readonly tunnel: Tunnel; readonly key: string }> {
    const verdict = await this.#admission.check(input, visitor)
    if (verdict.kind === 'refused') throw new Refused(verdict.problems)
    await this.#limits.countRegistration(visitor)
    const registration = this.#lifecycle.register(verdict.request)
    if (registration.kind === 'refused') throw new Refused(registration.problems)
    return registration
  }

  /** Moves a tunnel to another endpoint after the same checks. */
  async changeEndpoint(tunnel: Tunnel, ipv4: string, visitor: VisitorAddress): Promise<Tunnel> {
    const verdict = await this.#admission.checkEndpoint(ipv4, visitor, tunnel.id)
    if (verdict.kind === 'refused') throw new Refused(verdict.problems)
    const change = await this.#lifecycle.changeEndpoint(tunnel.id, verdict.request.ipv4)
    if (change.kind === 'refused') throw new Refused(change.problems)
    return change.tunnel
  }

  async delete(tunnel: Tunnel): Promise<void> {
    const deletion = await this.#lifecycle.delete(tunnel.id)
    if (deletion.kind === 'refused') throw new Refused(deletion.problems)
  }
}
