import type { Prefix } from '../address/prefix.ts'
import { VisitorLimits } from '../registration/limits.ts'
import { ConnectionLimit } from './connection-limit.ts'
import type { PortalOptions } from './options.ts'
import { isWithin } from './visitor.ts'

const MAX_CONNECTIONS = 2000

/** What of the portal's options may change while it serves. */
export type AdmittanceOptions = Pick<
  PortalOptions,
  'trustedProxies' | 'metricsFrom' | 'registrationsPerHour' | 'connectionsPerAddress'
>

/** Who is let in, to what, and how often. All parts of the portal hold these same lists and limits. */
export class Admittance {
  readonly trustedProxies: readonly Prefix[]
  readonly metricsFrom: readonly Prefix[]
  readonly limits: VisitorLimits
  readonly connections: ConnectionLimit
  readonly #trustedProxies: Prefix[] = []
  readonly #metricsFrom: Prefix[] = []

  constructor(options: AdmittanceOptions & Pick<PortalOptions, 'customers'>) {
    this.trustedProxies = this.#trustedProxies
    this.metricsFrom = this.#metricsFrom
    this.limits = new VisitorLimits(options.registrationsPerHour, options.customers)
    this.connections = new ConnectionLimit({
      perAddress: options.connectionsPerAddress,
      inAll: MAX_CONNECTIONS,
      customers: options.customers,
      isExempt: address => isWithin(address, this.trustedProxies),
    })
    this.change(options)
  }

  change(options: AdmittanceOptions): void {
    this.#trustedProxies.splice(0, Number.POSITIVE_INFINITY, ...options.trustedProxies)
    this.#metricsFrom.splice(0, Number.POSITIVE_INFINITY, ...options.metricsFrom)
    this.limits.setRegistrationsPerHour(options.registrationsPerHour)
    this.connections.perAddress = options.connectionsPerAddress
  }
}
