import { existsSync } from 'node:fs'
import { formatPrefix } from './address/prefix.ts'
import type { Config } from './config/config.ts'
import { ORIGIN_NOTE } from './kept-origin.ts'
import { formerZones, ZONES_NOTE } from './kept-zones.ts'
import { KINDS } from './offered-kinds.ts'
import { OperatingSystems } from './portal/operating-systems.ts'
import { databaseFile } from './store/database-file.ts'
import { glanceAt, type TableGlance } from './store/sqlite/table-glance.ts'
import { tableRules } from './table-rules.ts'
import { zonesOfDirectory } from './zone-file/zone-file.ts'

/** How much of a table a configuration can use. */
export interface Fit {
  /** Of tunnels that are not dormant. */
  readonly rows: number
  readonly unusable: number
  /** Why most of these are; empty if none is. */
  readonly why: string
}

/** Looks at the table that a configuration names, beside whatever process serves it. */
export function lookAtTable(config: Config): TableGlance {
  return glanceAt(databaseFile(config), {
    rules: tableRules(config, { kinds: KINDS, systems: OperatingSystems.load() }),
    secrets: [ORIGIN_NOTE, ZONES_NOTE],
  })
}

/** Undefined if nobody can tell. */
export function fitOf(glance: TableGlance, config: Config): Fit | undefined {
  if (glance.kind !== 'table') return undefined
  const { rows, unusable } = glance
  const [commonest] = [...unusable].sort(([, one], [, other]) => other - one)
  const sum = [...unusable.values()].reduce((all, count) => all + count, 0)
  return { rows, unusable: sum, why: commonest === undefined ? '' : withKey(commonest[0], config) }
}

/** One line for each thing about the table that this configuration may not be meant for. */
export function tableWarnings(config: Config): readonly string[] {
  if (config.demo) return []
  const glance = lookAtTable(config)
  const where = `data_dir = ${JSON.stringify(config.data_dir)}`
  if (glance.kind === 'absent') return [`${where}: there is no database yet: a new one will be made`]
  if (glance.kind === 'unread') return [`${where}: what it holds could not be looked at: ${glance.reason}`]
  return [...rowWarnings(glance, config), ...originWarnings(glance, config), ...zonesWarnings(glance, config)]
}

function rowWarnings(glance: TableGlance, config: Config): readonly string[] {
  const fit = fitOf(glance, config)
  if (fit === undefined || fit.unusable === 0) return []
  const { rows, unusable, why } = fit
  return [
    `${databaseFile(config)}: ${unusable} of ${rows} tunnels can't be used with this configuration: ${why}`,
  ]
}

function originWarnings(glance: TableGlance, { origin }: Config): readonly string[] {
  const before = glance.kind === 'table' && glance.rows > 0 ? glance.secrets.get(ORIGIN_NOTE) : undefined
  if (before === undefined || before === origin) return []
  return [
    `origin = "${origin}": the tunnels have their names in ${before}: all of them will have other names`,
  ]
}

function zonesWarnings(
  glance: TableGlance,
  { zones_dir: dir, zones: { on_error } }: Config,
): readonly string[] {
  const former = formerZones(glance.kind === 'table' ? glance.secrets.get(ZONES_NOTE) : undefined)
  if (former === undefined) return []
  const isThere = existsSync(dir)
  if (isThere && zonesOfDirectory(dir, { onError: on_error })[Symbol.iterator]().next().done !== true)
    return []
  const what = isThere ? 'has no zone file' : 'is not there'
  const zones = former.zones.join(', ')
  const line = `zones_dir = ${JSON.stringify(dir)}: ${what}, and ${former.dir} gave ${zones}`
  if (!isThere || dir === former.dir) return [`${line}: until their files are back they are SERVFAIL`]
  return [`${line}: they are served no more, and secondaries that follow dns.catalog_zone delete them`]
}

/** The key of the configuration that a reason is about, where one is. */
function withKey(reason: string, { tunnel }: Config): string {
  if (reason.startsWith('IPv6')) return `tunnel.prefix = "${formatPrefix(tunnel.prefix)}": ${reason}`
  if (!reason.startsWith('device')) return reason
  return `tunnel.device_prefix = ${JSON.stringify(tunnel.device_prefix)}: ${reason}`
}
