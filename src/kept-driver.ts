import { keepNote, type Notes } from './kept-note.ts'
import type { Drivers } from './lifecycle/drivers.ts'
import type { Log } from './shared/log.ts'
import type { TunnelStore } from './store/tunnel-store.ts'

const NAME = 'driver'
const DRY_RUN = 'dry-run'

/**
 * Whether a kernel has made tunnels of this table. Whatever bars it now, such as a right that the process has lost or a
 * kernel without the module, is a trouble then: a dry run would call tunnels active that nobody can use.
 */
export function hadInterfaces(store: Pick<TunnelStore, 'secret' | 'tunnels'>): boolean {
  return noted(store).driver !== DRY_RUN && store.tunnels.count() + store.tunnels.dormant.count() > 0
}

/** Whether there never was a tunnel in it that a kernel could have made. */
export function isNewTable(store: Pick<TunnelStore, 'secret' | 'tunnels'>): boolean {
  return store.secret(NAME) === undefined && store.tunnels.count() + store.tunnels.dormant.count() === 0
}

/** Whether that was from this directory. A trial is made on a copy, which has the note too. */
export function wasHere(store: Pick<TunnelStore, 'secret'>, dataDir: string): boolean {
  return noted(store).dataDir === dataDir
}

/** Where nothing is noted no kernel is known to have made any. */
function noted(store: Pick<TunnelStore, 'secret'>): { readonly driver: string; readonly dataDir: string } {
  const [, driver = DRY_RUN, dataDir = ''] = /^(\S+) (.*)$/s.exec(store.secret(NAME) ?? '') ?? []
  return { driver, dataDir }
}

/**
 * Notes for later starts what makes the tunnels here; a dry run that was asked for changes nothing of what they are, and
 * a driver that can't be had yet makes none.
 */
export function keepDriver(
  interfaces: Pick<Drivers, 'kind' | 'trouble'>,
  {
    store,
    dataDir,
    log,
  }: {
    readonly store: Notes & Pick<TunnelStore, 'tunnels'>
    readonly dataDir: string
    readonly log: Log
  },
): void {
  const { kind } = interfaces
  if (kind === 'none' || interfaces.trouble() !== undefined) return
  const { driver } = noted(store)
  if (kind === driver && (kind === DRY_RUN || wasHere(store, dataDir))) return
  if (kind === DRY_RUN && hadInterfaces(store)) return
  keepNote({ name: NAME, value: `${kind} ${dataDir}`, what: 'what makes the tunnels here' }, { store, log })
}
