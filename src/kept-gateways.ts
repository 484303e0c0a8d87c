import { isIP } from 'node:net'
import type { Gateway } from './monitor/default-gateways.ts'
import type { HeardGateways } from './monitor/uplink.ts'
import { utcSeconds } from './shared/clock.ts'
import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

/** It stands among the secrets, which outlast a start and are in backups. */
const NAME = 'gateways'
/** Seconds from the first start that heard none of them: after that, silence is believed (decision 20). */
const BELIEVED_FOR = 7 * 86_400
const UNTIL = /^until (\d+)$/m

/**
 * Which default gateways answered last, kept from one start to the next: a line each, as the monitor asks it. After a power
 * cut the server may be up before its router, and a new process has heard nobody.
 */
export function keptGateways(
  store: Pick<TunnelStore, 'secret' | 'keepSecret'>,
  { log, now = utcSeconds }: { readonly log: Log; readonly now?: () => number },
): HeardGateways {
  let isTold = false
  const noted = () => store.secret(NAME) ?? ''
  const note = (text: string) => {
    try {
      if (text !== noted()) store.keepSecret(NAME, text)
      isTold = false
    } catch (error) {
      if (!isTold) log.warn({ err: error }, 'which gateway answers could not be noted for the next start')
      isTold = true
    }
  }
  return {
    read: () => {
      const text = noted()
      const gateways = text.split('\n').flatMap(gatewayOf)
      const until = Number(UNTIL.exec(text)?.[1] ?? now() + BELIEVED_FOR)
      const left = until - now()
      if (left <= 0 || left > BELIEVED_FOR) return []
      if (gateways.length > 0) note(`${textOf(gateways)}\nuntil ${until}`)
      return gateways
    },
    keep: gateways => note(textOf(gateways)),
  }
}

function textOf(gateways: readonly Gateway[]): string {
  return gateways.map(({ address }) => address).join('\n')
}

/** A link-local address has its interface; what is no address was edited by hand. */
function gatewayOf(address: string): Gateway[] {
  const family = isIP(address)
  return family === 4 || family === 6 ? [{ family, address }] : []
}
