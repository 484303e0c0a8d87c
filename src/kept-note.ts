import type { Log } from './shared/log.ts'
import { storageFaultOf } from './store/storage-fault.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

/** The secrets outlast a start and are in backups: what is noted for the next start stands among them. */
export type Notes = Pick<TunnelStore, 'secret' | 'keepSecret'>

/**
 * Notes something for the next start, under a name; an empty value is no note. A disk that takes none is no reason to serve
 * nothing: `what` could not be noted, the log says then.
 */
export function keepNote(
  { name, value, what }: { readonly name: string; readonly value: string; readonly what: string },
  { store, log }: { readonly store: Notes; readonly log: Pick<Log, 'warn'> },
): void {
  try {
    if ((store.secret(name) ?? '') !== value) store.keepSecret(name, value)
  } catch (error) {
    if (storageFaultOf(error) === undefined) throw error
    log.warn({ err: error }, `${what} could not be noted for the next start`)
  }
}
