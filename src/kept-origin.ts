import type { Config } from './config/config.ts'
import { keepNote, type Notes } from './kept-note.ts'
import type { Log } from './shared/log.ts'

/** The name of the note that has the origin that was served last. */
export const ORIGIN_NOTE = 'origin'

/**
 * Notes the zone that tunnels have their names in, and tells the log where it was another one before: all of them have other
 * names now, and those who look for the old ones find nothing.
 */
export function keepOrigin(
  { origin }: Pick<Config, 'origin'>,
  { store, log }: { readonly store: Notes; readonly log: Log },
): void {
  const before = store.secret(ORIGIN_NOTE)
  if (before === origin) return
  if (before !== undefined)
    log.warn({ before, origin }, 'the tunnels have had their names in another zone before')
  keepNote({ name: ORIGIN_NOTE, value: origin, what: 'the origin' }, { store, log })
}
