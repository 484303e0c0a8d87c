import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'
import type { StaticZones } from './zone-loading.ts'

/** It stands among the secrets, which outlast a start and are in backups. */
const NAME = 'zones of files'

type Memory = Pick<TunnelStore, 'secret' | 'keepSecret'>
type Zones = Pick<StaticZones, 'given' | 'missFormer'>

/**
 * A folder without any zone file is most likely a disk that is not mounted. Without this a start would serve none of its
 * zones, with good health, and secondaries that follow the catalog zone would delete them. To be called before names are
 * published; a folder of another name was never seen with files.
 */
export function missFormerZones(
  zonesDir: string,
  { statics, store }: { statics: Zones; store: Memory },
): void {
  const kept = store.secret(NAME)
  const [dir = '', ...zones] = kept === undefined ? [] : kept.split('\n')
  if (dir === zonesDir && statics.given.length === 0) statics.missFormer(zones)
}

/** Notes which zones the files give, for the next start; where there is no file, what is known of it stays. */
export function keepGivenZones(
  zonesDir: string,
  { statics, store, log }: { statics: Zones; store: Memory; log: Log },
): void {
  if (statics.given.length === 0) return
  const given = [zonesDir, ...statics.given].join('\n')
  try {
    if (store.secret(NAME) !== given) store.keepSecret(NAME, given)
  } catch (error) {
    log.warn({ err: error }, 'which zones the files give could not be noted for the next start')
  }
}
