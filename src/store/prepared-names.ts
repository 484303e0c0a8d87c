import { formatName } from '../wire/name.ts'
import type { Catalog, RrsetChange } from '../zone/catalog.ts'
import type { Rrset } from '../zone/rrset.ts'

/** What a commit did to one rrset. */
export interface RrsetDifference {
  readonly owner: Uint8Array
  readonly type: number
  readonly before?: Rrset
  readonly after?: Rrset
}

/** Changes of names that are made ready before their rows are committed. */
export interface PreparedNames {
  readonly differences: readonly RrsetDifference[]
  publish(): void
  abandon(): void
}

/**
 * Makes changes ready for all readers to see in one step. Throws if they can't be published, and nothing is changed.
 * Differences are looked up only if somebody `hears` of them.
 */
export function prepareNames(
  catalog: Catalog,
  changes: readonly RrsetChange[],
  { hears }: { readonly hears: boolean },
): PreparedNames {
  for (const change of changes) {
    const owner = ownerOf(change)
    if (catalog.zoneOf(owner) === undefined)
      throw new RangeError(`${formatName(owner)} lies in no zone that is served`)
  }
  return {
    differences: hears ? differencesOf(catalog, changes) : [],
    publish: () => catalog.commit(changes),
    abandon: () => undefined,
  }
}

function differencesOf(catalog: Catalog, changes: readonly RrsetChange[]): readonly RrsetDifference[] {
  const differences = new Map<string, RrsetDifference>()
  for (const change of changes) {
    const { owner, type } = change.kind === 'put' ? change.rrset : change
    const key = `${type} ${Buffer.from(owner).toString('latin1').toLowerCase()}`
    const before = differences.has(key) ? differences.get(key)?.before : catalog.rrset(owner, type)
    differences.set(key, {
      owner,
      type,
      ...(before === undefined ? {} : { before }),
      ...(change.kind === 'put' ? { after: change.rrset } : {}),
    })
  }
  return [...differences.values()]
}

function ownerOf(change: RrsetChange): Uint8Array {
  return change.kind === 'put' ? change.rrset.owner : change.owner
}
