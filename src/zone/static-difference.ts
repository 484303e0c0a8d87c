import { lowerCaseName } from '../wire/name.ts'
import type { Rrset } from './rrset.ts'
import type { RrsetChange } from './rrset-change.ts'

/** Rrsets between two pauses: some milliseconds. */
const RRSETS_A_PAUSE = 2000

/**
 * What makes the static rrsets of a zone `after` out of `before`; dynamic ones stay, unless one stands in the way. Yields
 * every few milliseconds: it can be put off there.
 */
export function* staticChanges(
  before: readonly Rrset[],
  after: readonly Rrset[],
): Generator<undefined, readonly RrsetChange[]> {
  const left = new Map<string, Rrset>()
  let looked = 0
  for (const rrset of before) {
    left.set(keyOfRrset(rrset), rrset)
    if (++looked % RRSETS_A_PAUSE === 0) yield
  }
  const puts: RrsetChange[] = []
  for (const rrset of after) {
    const key = keyOfRrset(rrset)
    if (!isSameData(left.get(key), rrset)) puts.push({ kind: 'put', rrset })
    left.delete(key)
    if (++looked % RRSETS_A_PAUSE === 0) yield
  }
  const removals = Array.from(
    left.values(),
    ({ owner, type }): RrsetChange => ({ kind: 'remove', owner, type }),
  )
  return [...removals, ...puts]
}

function keyOfRrset({ owner, type }: Rrset): string {
  return `${type} ${Buffer.from(lowerCaseName(owner)).toString('latin1')}`
}

function isSameData(a: Rrset | undefined, b: Rrset): boolean {
  if (a?.ttl !== b.ttl || a.rdatas.length !== b.rdatas.length) return false
  return a.rdatas.every((rdata, index) => Buffer.compare(rdata, b.rdatas[index] ?? new Uint8Array()) === 0)
}
