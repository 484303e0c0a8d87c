import { isIP } from 'node:net'
import type { Gateway } from './monitor/default-gateways.ts'
import type { HeardGateways } from './monitor/uplink.ts'
import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

/** It stands among the secrets, which outlast a start and are in backups. */
const NAME = 'gateways'

/**
 * Which default gateways answered last, kept from one start to the next: a line each, as the monitor asks it. After a power
 * cut the server may be up before its router, and a new process has heard nobody.
 */
export function keptGateways(store: Pick<TunnelStore, 'secret' | 'keepSecret'>, log: Log): HeardGateways {
  let isTold = false
  return {
    read: () => (store.secret(NAME) ?? '').split('\n').flatMap(gatewayOf),
    keep: gateways => {
      const text = gateways.map(({ address }) => address).join('\n')
      try {
        if (text !== (store.secret(NAME) ?? '')) store.keepSecret(NAME, text)
        isTold = false
      } catch (error) {
        if (!isTold) log.warn({ err: error }, 'which gateway answers could not be noted for the next start')
        isTold = true
      }
    },
  }
}

/** A link-local address has its interface; what is no address was edited by hand. */
function gatewayOf(address: string): Gateway[] {
  const family = isIP(address)
  return family === 4 || family === 6 ? [{ family, address }] : []
}
