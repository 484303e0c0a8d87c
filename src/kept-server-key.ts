import { putServerKey, serverKeyText } from './kind/wireguard/server-key.ts'
import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

const NAME = 'wireguard.key'

type Secrets = Pick<TunnelStore, 'secret' | 'keepSecret'>

/**
 * Clients know the server by its WireGuard key: without it every tunnel of that kind would have to be set up anew. The
 * table of tunnels has it too, so that a backup does; where the two differ, the table is right. To be called before the
 * drivers are opened.
 */
export function restoreServerKey(dataDir: string, store: Secrets, log: Log): void {
  try {
    const kept = store.secret(NAME)
    if (kept === undefined || kept === serverKeyText(dataDir)) return
    putServerKey(dataDir, kept)
    log.warn({}, 'the WireGuard key of the data directory was not that of the tunnels: it is again')
  } catch (error) {
    log.error({ err: error }, 'the WireGuard key could not be put into the data directory')
  }
}

/** Keeps a key that has just been made, once the drivers are open. */
export function keepServerKey(dataDir: string, store: Secrets, log: Log): void {
  try {
    const made = serverKeyText(dataDir)
    if (made !== undefined && store.secret(NAME) === undefined) store.keepSecret(NAME, made)
  } catch (error) {
    log.error(
      { err: error },
      'the WireGuard key could not be kept with the tunnels: a backup would not have it',
    )
  }
}
