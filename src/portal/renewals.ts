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
    if (renewal.kind !== 'refused') this.#end(tunnel.id)
    return renewal
  }

  /** A registration is a new key too where it brings a dormant tunnel back. */
  async register(...input: Parameters<Registrar['register']>): ReturnType<Registrar['register']> {
    const outcome = await this.#registrar.register(...input)
    if (outcome.kind !== 'refused') this.#end(outcome.tunnel.id)
    return outcome
  }

  #end(tunnelId: string): void {
    this.#signIns.close(tunnelId)
    this.#events.end(tunnelId)
  }
}
