import { existsSync } from 'node:fs'
import { keepNote, type Notes } from './kept-note.ts'
import type { Log } from './shared/log.ts'
import type { FormerZones } from './zone-file-book.ts'
import type { StaticZones } from './zone-loading.ts'

/** The name of the note that has the folder of zone files and the names of its zones. */
export const ZONES_NOTE = 'zones of files'

type Zones = Pick<StaticZones, 'given' | 'missFormer'>

/**
 * A folder without any zone file is most likely a disk that is not mounted, and one that is not there, whatever its name, a
 * line that was lost from the configuration. Without this a start would serve none of its zones, with good health, and
 * secondaries that follow the catalog zone would delete them. To be called before names are published; an empty folder of
 * another name was never seen with files.
 */
export function missFormerZones(
  zonesDir: string,
  { statics, store }: { statics: Zones; store: Notes },
): void {
  const former = formerZones(store.secret(ZONES_NOTE))
  if (former === undefined || statics.given.length > 0) return
  if (former.dir === zonesDir || !existsSync(zonesDir)) statics.missFormer(former)
}

/** What a note says; undefined: nobody has made one. */
export function formerZones(note: string | undefined): FormerZones | undefined {
  if (note === undefined) return undefined
  const [dir = '', ...zones] = note.split('\n')
  return { dir, zones }
}

/** Notes which zones the files give, for the next start; if there is no file, what is known of it stays. */
export function keepGivenZones(
  zonesDir: string,
  { statics, store, log }: { statics: Zones; store: Notes; log: Log },
): void {
  if (statics.given.length === 0) return
  const value = [zonesDir, ...statics.given].join('\n')
  keepNote({ name: ZONES_NOTE, value, what: 'which zones the files give' }, { store, log })
}
