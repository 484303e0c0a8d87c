import type { KeyRenewal } from '../lifecycle/key-renewal.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { SignIns } from './sign-in.ts'
import type { TunnelEvents } from './tunnel-events.ts'

/**
 * New keys, at every door: whoever was signed in with the old one is signed out and hears no more, and the old one is
 * shown no more.
 */
export class Renewals {
  readonly #registrar: Registrar
  readonly #signIns: SignIns
  readonly #events: TunnelEvents

  constructor(parts: {
    readonly registrar: Registrar
    readonly signIns: SignIns
    readonly events: TunnelEvents
  }) {
    this.#registrar = parts.registrar
    this.#signIns = parts.signIns
    this.#events = parts.events
  }

  async renew(tunnel: Tunnel): Promise<KeyRenewal> {
    const renewal = await this.#registrar.renewKey(tunnel)
    if (renewal.kind === 'refused') return renewal
    this.#signIns.close(tunnel.id)
    this.#events.end(tunnel.id)
    return renewal
  }
}
