import { realpathSync } from 'node:fs'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import type { Coming } from './handover/messages.ts'

/** What a process with this configuration would serve, for the process before it. */
export function comingOf({ data_dir: dataDir }: Config): Coming {
  return { dataDir }
}

/**
 * A sentence on what this process serves and one that serves `coming` would not; undefined: nothing. The file of the
 * configuration may have changed since this process read it.
 */
export function lossBy(
  { dataDir }: Coming,
  { config, broker }: { readonly config: Config; readonly broker: Pick<Broker, 'store'> },
): string | undefined {
  const { data_dir: ours } = config
  if (!broker.store.isAbsent && realPath(dataDir) !== realPath(ours))
    return `data_dir is ${dataDir} now, and the tunnels are in ${ours}: stop freenet6, move what is in ${ours} there, and start it`
  return undefined
}

/** A directory that is not there has the path that it was given. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
