import type { Config } from './config/config.ts'
import { isOffered, routedRange } from './offered-kinds.ts'
import type { OperatingSystems } from './portal/operating-systems.ts'
import { isCountry } from './registration/country.ts'
import type { RowRules } from './store/sqlite/row-rules.ts'
import type { Kinds } from './tunnel/kind.ts'

/** What a configuration holds the rows of the table against. */
export function tableRules(
  { tunnel }: Config,
  { kinds, systems }: { readonly kinds: Kinds; readonly systems: Pick<OperatingSystems, 'ids'> },
): RowRules {
  const osIds = new Set(systems.ids)
  return {
    kinds,
    unoffered: new Set(kinds.all.map(({ name }) => name).filter(name => !isOffered(name, tunnel))),
    prefix: tunnel.prefix,
    routed: routedRange(tunnel),
    devicePrefix: tunnel.device_prefix,
    isCountry,
    isOs: id => osIds.has(id),
  }
}
