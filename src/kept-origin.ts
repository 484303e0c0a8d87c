import type { Config } from './config/config.ts'
import type { Log } from './shared/log.ts'
import { storageFaultOf } from './store/storage-fault.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

/** Under this name the secrets, which outlast a start and are in backups, have the origin that was served last. */
export const ORIGIN_NOTE = 'origin'

/**
 * Notes the zone that tunnels have their names in, and tells the log where it was another one before: all of them have other
 * names now, and those who look for the old ones find nothing. A disk that takes no note is no reason to serve nothing.
 */
export function keepOrigin(
  { origin }: Pick<Config, 'origin'>,
  { store, log }: { readonly store: Pick<TunnelStore, 'secret' | 'keepSecret'>; readonly log: Log },
): void {
  const before = store.secret(ORIGIN_NOTE)
  if (before === origin) return
  if (before !== undefined)
    log.warn({ before, origin }, 'the tunnels have had their names in another zone before')
  try {
    store.keepSecret(ORIGIN_NOTE, origin)
  } catch (error) {
    if (storageFaultOf(error) === undefined) throw error
    log.warn({ err: error }, 'the origin could not be noted for the next start')
  }
}
