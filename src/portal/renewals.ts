import type { KeyRenewal } from '../lifecycle/key-renewal.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import type { SignIns } from './sign-in.ts'

/** New keys, at every door: whoever was signed in with the old one is signed out, and the old one is shown no more. */
export class Renewals {
  readonly #registrar: Registrar
  readonly #signIns: SignIns

  constructor(parts: { readonly registrar: Registrar; readonly signIns: SignIns }) {
    this.#registrar = parts.registrar
    this.#signIns = parts.signIns
  }

  async renew(tunnel: Tunnel): Promise<KeyRenewal> {
    const renewal = await this.#registrar.renewKey(tunnel)
    if (renewal.kind === 'renewed') this.#signIns.close(tunnel.id)
    return renewal
  }
}
