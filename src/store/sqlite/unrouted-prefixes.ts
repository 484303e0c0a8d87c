import { isOfRange, type RoutedRange } from '../../tunnel/routed-pool.ts'
import type { Database } from './database.ts'
import { routedPrefixIn } from './row-rules.ts'

/** The routed prefixes that rows keep, dormant ones too, and that the configuration has no room for. */
export function unroutedPrefixes(database: Database, range: RoutedRange | undefined): readonly string[] {
  const rows = database
    .prepare(
      `SELECT routed_prefix FROM tunnels WHERE routed_prefix IS NOT NULL
       UNION ALL SELECT routed_prefix FROM dormant WHERE routed_prefix IS NOT NULL`,
    )
    .all()
  return rows
    .map(row => String(row.routed_prefix))
    .filter(text => {
      const prefix = routedPrefixIn(text)
      return prefix && (range === undefined || !isOfRange(prefix, range))
    })
}
