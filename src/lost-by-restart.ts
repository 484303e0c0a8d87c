import { existsSync, realpathSync } from 'node:fs'
import type { Broker } from './broker.ts'
import type { Config } from './config/config.ts'
import type { Coming } from './handover/messages.ts'
import type { TunnelReader } from './store/tunnel-reader.ts'
import { type Fit, fitOf, lookAtTable } from './table-look.ts'

/** What a process with this configuration would serve, for the process before it. */
export function comingOf(config: Config): Coming {
  const fit = fitOf(lookAtTable(config), config)
  const { data_dir: dataDir, zones_dir: missingZonesDir } = config
  return {
    dataDir,
    ...(fit !== undefined && { fit }),
    ...(!existsSync(missingZonesDir) && { missingZonesDir }),
  }
}

/**
 * A sentence on what this process serves and one that serves `coming` would not; undefined: nothing. The file of the
 * configuration may have changed since this process read it.
 */
export function lossBy(
  coming: Coming,
  {
    config,
    broker,
  }: { readonly config: Config; readonly broker: Pick<Broker, 'statics' | 'store' | 'table'> },
): string | undefined {
  const { dataDir, fit, missingZonesDir } = coming
  const zones = broker.statics.given
  if (missingZonesDir !== undefined && zones.length > 0)
    return `zones_dir is ${missingZonesDir} now, which is not there, and ${config.zones_dir} gave ${zones.join(', ')}: name that again, or an empty folder to serve none of them`
  if (broker.store.isAbsent) return undefined
  const { data_dir: ours } = config
  if (realPath(dataDir) !== realPath(ours))
    return `data_dir is ${dataDir} now, and the tunnels are in ${ours}: stop freenet6, move what is in ${ours} there, and start it`
  return fit && tunnelsLost(fit, broker.table)
}

/** Half of the tunnels or more is what a mistake takes; a few rows are as they were written. */
function tunnelsLost({ rows, unusable, why }: Fit, table: TunnelReader): string | undefined {
  const { new: fresh, waiting, active, unreachable } = table.countByState()
  const ours = fresh + waiting + active + unreachable
  if (2 * unusable < rows || 2 * ours <= table.count()) return undefined
  return `${unusable} of ${rows} tunnels can't be used with the new configuration: ${why}. If that is meant, stop freenet6 and start it`
}

/** A directory that is not there has the path that it was given. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
